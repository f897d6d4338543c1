import { EventEmitter } from 'node:events';
import type { Fleet } from '../coordinator/members/fleet.js';
import type { FleetEvents } from '../coordinator/members/fleetPorts.js';
import { Quorum } from '../coordinator/members/quorum.js';
import type { Member } from '../coordinator/members/roster.js';
import type { Workers } from '../coordinator/training/ports.js';
import type { Assignments } from '../coordinator/work/assignments.js';
import { Gather } from '../coordinator/work/gather.js';
import { WorkerProcesses } from '../launch/workerProcesses.js';
import type { Journal } from '../runFolder/journal.js';
import type { RunFolder } from '../runFolder/runFolder.js';
import { AwakeTimer } from '../shared/system/awakeTimer.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { Interrupted } from '../shared/text/errors.js';
import type { Launchers } from './endpoint.js';
import { type FleetParts, openFleet } from './openFleet.js';
import { lacksData } from './sampleSource.js';

export interface WorkforceOptions extends FleetParts {
  readonly folder: RunFolder;
  readonly journal: Journal;
}

/** What becomes of the workers. */
export interface WorkforceEvents {
  ready: [member: Member];
  left: [member: Member, reason: string];
  /** The run has too few for now, and waits. */
  short: [];
  /** It has enough again. */
  enough: [];
}

/** All workers of a run: those that are connected, how many it needs, and the processes that it has started for them. */
export class Workforce {
  readonly fleet: Fleet<Assignments>;
  readonly events = new EventEmitter<WorkforceEvents>();
  /** What a training asks of them. It waits where there are too few. */
  readonly workers: Workers;
  readonly #options: WorkforceOptions;
  readonly #quorum: Quorum;
  readonly #processes: { readonly workers: WorkerProcesses; readonly aggregators: WorkerProcesses } | undefined;
  #cutOff: AwakeTimer | undefined;

  constructor(options: WorkforceOptions) {
    this.#options = options;
    const { prepared, arrays, journal, launchers } = options;
    const { config } = prepared.plan;
    this.fleet = openFleet(options, this.#fleetEvents());
    this.#processes = launchers && this.#processesOf(launchers);
    const coming = (): number =>
      this.#processes ? this.#processes.workers.alive - this.fleet.roster.ready.length : Number.POSITIVE_INFINITY;
    this.#quorum = new Quorum(
      { ...config, coming },
      {
        notice: (line) => journal.notice(line),
        short: () => this.events.emit('short'),
        enough: () => this.events.emit('enough'),
        hopeless: (reason) => this.fleet.fail(reason),
      },
    );
    const assignments = this.fleet.work;
    arrays.optimizer.follow((slice) => assignments.announce(arrays.optimizer.nextWeights, slice));
    const { sum } = arrays;
    const { shards, compression } = config;
    this.workers = awaiting(this.#quorum, new Gather({ assignments, sum, shards, compression }));
  }

  #fleetEvents(): FleetEvents {
    const { journal, prepared } = this.#options;
    return {
      ready: (member) => {
        const { pid, host } = member.hello;
        const through = member.via === undefined ? '' : ', below an aggregator';
        journal.worker(member, 'ready', `is ready: ${member.ready?.engine.library ?? ''} (pid ${pid} on ${host}${through})`);
        const { lacks } = member.ready ?? {};
        if (lacks !== undefined) journal.notice(`${member.name} ${lacksData(lacks, prepared.layout)}`);
        this.events.emit('ready', member);
        this.#quorum.workerReady();
      },
      left: (member, reason, fate) => {
        const { slot, pid, host } = member.hello;
        journal.worker(member, 'left', reason);
        this.events.emit('left', member, reason);
        // Whatever a process of ours still does, it does for nobody, unless only its way to us is gone.
        if (slot !== undefined && fate !== 'comesBack') this.#processes?.workers.end(slot, fate === 'final');
        this.#quorum.workerLeft(member.ready !== undefined, `${member.name} (pid ${pid} on ${host}) ${reason}`);
      },
      aggregatorLeft: ({ name, hello: { slot, pid, host } }, reason, fate) => {
        journal.notice(`${name} (pid ${pid} on ${host}) ${reason}`);
        if (slot !== undefined && fate !== 'comesBack') this.#processes?.aggregators.end(slot, fate === 'final');
      },
      refused: atMost(saidOfStrangers, (line) => journal.notice(line)),
      notice: (line) => journal.notice(line),
    };
  }

  #processesOf(launchers: Launchers): { readonly workers: WorkerProcesses; readonly aggregators: WorkerProcesses } {
    const { prepared, journal, folder } = this.#options;
    const { maxRestarts } = prepared.plan.config;
    const logFile =
      (role: string) =>
      (slot: number): string =>
        folder.file('log', `${role}-${slot}.log`);
    return {
      aggregators: new WorkerProcesses({
        ...{ launchers: launchers.aggregators, maxRestarts, logFile: logFile('aggregator') },
        ended: (slot, place, loss) => journal.notice(`aggregator ${slot} (${place}) ${loss}`),
      }),
      workers: new WorkerProcesses({
        ...{ launchers: launchers.workers, maxRestarts, logFile: logFile('worker') },
        ended: (slot, place, loss) => {
          if (this.fleet.processEnded(slot, loss)) return;
          journal.notice(`worker ${slot} ${loss}`);
          this.#quorum.workerLeft(false, `worker ${slot} (${place}) ${loss}`);
        },
      }),
    };
  }

  /** Starts the processes that are the run's own, if there are to be some. */
  start(): void {
    this.#processes?.aggregators.start();
    this.#processes?.workers.start();
  }

  /** Resolves when the run may start or go on; rejects when it never can. */
  enough(): Promise<void> {
    return this.#quorum.enough();
  }

  /** Told to stop, a run ends after the step that is under way; where that does not end, at the last whole one. */
  interrupt(): void {
    const { gracePeriod } = this.#options.prepared.plan.config;
    this.#quorum.fail(new Interrupted('stopped while waiting for workers'));
    this.#cutOff = new AwakeTimer(
      () => this.fleet.fail(new Interrupted('stopped in the middle of a step, with a checkpoint of the one before')),
      gracePeriod * 500,
    );
  }

  /**
   * Tells everyone to leave, and waits until the processes that were started here have ended.
   * @param isOver the run has come to its end, and is not gone on with
   */
  async close(isOver: boolean): Promise<void> {
    this.#cutOff?.clear();
    this.#quorum.close();
    const processes = this.#processes ? [this.#processes.workers, this.#processes.aggregators] : [];
    for (const some of processes) some.retire();
    await this.fleet.close(isOver);
    await Promise.all(processes.map((some) => some.close()));
  }
}

/** Workers that are asked for gradients once there are enough of them. */
function awaiting(quorum: Quorum, gather: Workers): Workers {
  let isOver = false;
  return {
    gradients: async (...args) => {
      if (!quorum.isEnough) await quorum.enough();
      // The run may have ended while workers were waited for: then nobody waits for this.
      return isOver ? new Promise<never>(() => undefined) : gather.gradients(...args);
    },
    evaluate: (...args) => gather.evaluate(...args),
    abandon: () => {
      isOver = true;
      gather.abandon();
    },
  };
}
