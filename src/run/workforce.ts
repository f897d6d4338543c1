import { Fleet } from '../coordinator/members/fleet.js';
import { Staffing } from '../coordinator/members/quorum.js';
import { Reception } from '../coordinator/members/reception.js';
import type { Member } from '../coordinator/members/roster.js';
import type { Tracer } from '../coordinator/timing/tracer.js';
import type { Workers } from '../coordinator/training/ports.js';
import { Assignments } from '../coordinator/work/assignments.js';
import { Gather } from '../coordinator/work/gather.js';
import { WorkerProcesses } from '../launch/workerProcesses.js';
import type { Journal } from '../runFolder/journal.js';
import type { Config } from '../shared/config/configSchema.js';
import { plainConfig } from '../shared/config/plainConfig.js';
import type { EngineOn } from '../shared/engine/engineFigures.js';
import { AwakeTimer } from '../shared/system/awakeTimer.js';
import { version } from '../shared/system/version.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { Interrupted } from '../shared/text/errors.js';
import type { Hub } from '../shared/transport/transport.js';
import { MemorySteps } from '../step/memory/memorySteps.js';
import type { CoordinatorArrays } from './coordinatorArrays.js';
import type { Launchers } from './endpoint.js';
import type { PreparedRun } from './prepareRun.js';
import { lacksData, sampleGiver } from './sampleSource.js';

export interface WorkforceOptions {
  readonly hub: Hub;
  readonly prepared: PreparedRun;
  readonly arrays: CoordinatorArrays;
  readonly journal: Journal;
  /** Start the workers' processes, one each; undefined where they come by themselves. */
  readonly launchers: (() => Launchers) | undefined;
  /** Measure engines whatever is known of them from before. */
  readonly measuresAnew: boolean;
  readonly tracer: Tracer | undefined;
  /** Are they processes of this machine that the run starts? */
  readonly isLocal: boolean;
  /** The log of a process that the run starts. */
  readonly logFile: (role: 'worker' | 'aggregator', slot: number) => string;
  readonly onReady: (member: Member) => void;
  readonly onLeft: (member: Member, reason: string) => void;
  /** The run has too few workers for now, and waits; or has enough again. */
  readonly onShort: () => void;
  readonly onEnough: () => void;
}

/** All workers of a run: those that are connected, how many it needs, and the processes that it has started for them. */
export class Workforce {
  readonly fleet: Fleet<Assignments>;
  /** What a training asks of them. It waits where there are too few. */
  readonly workers: Workers;
  readonly #options: WorkforceOptions;
  readonly #staffing: Staffing;
  readonly #launchers: Launchers | undefined;
  #processes: WorkerProcesses | undefined;
  #aggregators: WorkerProcesses | undefined;
  #cutOff: AwakeTimer | undefined;
  #isOver = false;

  constructor(options: WorkforceOptions) {
    this.#options = options;
    this.#launchers = options.launchers?.();
    const { prepared, journal, onShort } = options;
    const { config } = prepared.plan;
    this.fleet = this.#openFleet(options);
    const { sum, optimizer } = options.arrays;
    const assignments = this.fleet.work;
    optimizer.follow((slice) => assignments.announce(optimizer.nextWeights, slice));
    const gather = new Gather({ assignments, sum, shards: config.shards, compression: config.compression });
    this.#staffing = new Staffing({
      ...config,
      coming: () =>
        this.#launchers ? (this.#processes?.alive ?? config.workers) - this.fleet.roster.ready.length : Number.POSITIVE_INFINITY,
      onAwaiting: (line) => journal.notice(line),
      onShort(line) {
        journal.notice(line);
        onShort();
      },
      onEnough: options.onEnough,
      onHopeless: (reason) => this.fleet.fail(reason),
    });
    this.workers = {
      gradients: async (...args) => {
        if (!this.#staffing.isEnough) await this.enough();
        // The run may have ended while workers were waited for: then nobody waits for this.
        return this.#isOver ? new Promise<never>(() => undefined) : gather.gradients(...args);
      },
      evaluate: (...args) => gather.evaluate(...args),
      abandon: () => {
        this.#isOver = true;
        gather.abandon();
      },
    };
  }

  #openFleet({ hub, prepared, arrays, journal, measuresAnew, isLocal, tracer, onReady, onLeft }: WorkforceOptions): Fleet<Assignments> {
    const { config } = prepared.plan;
    const { slices, weightsOut, halves, shared } = arrays;
    const memorySteps = shared && new MemorySteps(shared.arena, shared.memory.system);
    const reception = {
      ...{ version, measuresAnew },
      config({ engine, device }: EngineOn) {
        const { resolved, ...given } = config;
        return plainConfig({ ...given, engine, device });
      },
      engine: { wanted: config, known: config.mixedNumerics ? undefined : usedBefore(config) },
      shardsEach: Math.ceil(config.shards / config.workers),
      fingerprint: prepared.fingerprint,
      layout: prepared.layout,
      prepareTimeout: config.prepareTimeout,
      mixedNumerics: config.mixedNumerics,
      probe: config.resolved?.probe,
      partSize: slices[0]?.size ?? 1,
      // Those that are started on this machine share its memory: nothing between them would be faster.
      tree: {
        topology: isLocal ? ('star' as const) : config.topology,
        fanIn: config.fanIn,
        expects: (this.#launchers?.aggregators.length ?? 0) > 0,
      },
    };
    const work = { slices, weightsOut, memorySteps, tracer, shards: config.shards, stepTimeout: config.stepTimeout };
    return new Fleet(
      {
        ...{ hub, slices, unpack: halves?.unpack },
        desk: (roster, ports) => new Reception(reception, roster, ports),
        layout: prepared.layout,
        samples: sampleGiver(prepared),
        events: {
          ready: (member) => {
            const { pid, host } = member.hello;
            const through = member.via === undefined ? '' : ', below an aggregator';
            journal.worker(member, 'ready', `is ready: ${member.ready?.engine.library ?? ''} (pid ${pid} on ${host}${through})`);
            const { lacks } = member.ready ?? {};
            if (lacks !== undefined) journal.notice(`${member.name} ${lacksData(lacks, prepared.layout)}`);
            onReady(member);
            this.#staffing.workerReady();
          },
          left: (member, reason, fate) => {
            const { slot, pid, host } = member.hello;
            journal.worker(member, 'left', reason);
            onLeft(member, reason);
            // Whatever a process of ours still does, it does for nobody, unless only its way to us is gone.
            if (slot !== undefined && fate !== 'comesBack') this.#processes?.end(slot, fate === 'final');
            this.#staffing.workerLeft(member.ready !== undefined, `${member.name} (pid ${pid} on ${host}) ${reason}`);
          },
          aggregatorLeft: ({ name, hello: { slot, pid, host } }, reason, fate) => {
            journal.notice(`${name} (pid ${pid} on ${host}) ${reason}`);
            if (slot !== undefined && fate !== 'comesBack') this.#aggregators?.end(slot, fate === 'final');
          },
          refused: atMost(saidOfStrangers, (line) => journal.notice(line)),
          notice: (line) => journal.notice(line),
        },
      },
      (fleet) => new Assignments(work, fleet),
    );
  }

  /** Starts the processes that are the run's own, if there are to be some. */
  start(): void {
    const { prepared, journal, logFile } = this.#options;
    if (!this.#launchers) return;
    const { workers, aggregators } = this.#launchers;
    const { maxRestarts } = prepared.plan.config;
    this.#aggregators = new WorkerProcesses({
      ...{ launchers: aggregators, maxRestarts },
      logFile: (slot) => logFile('aggregator', slot),
      onEnd: (slot, place, loss) => journal.notice(`aggregator ${slot} (${place}) ${loss}`),
    });
    this.#processes = new WorkerProcesses({
      ...{ launchers: workers, maxRestarts },
      logFile: (slot) => logFile('worker', slot),
      onEnd: (slot, place, loss) => {
        if (this.fleet.processEnded(slot, loss)) return;
        journal.notice(`worker ${slot} ${loss}`);
        this.#staffing.workerLeft(false, `worker ${slot} (${place}) ${loss}`);
      },
    });
  }

  /** Resolves when the run may start or go on; rejects when it never can. */
  enough(): Promise<void> {
    return this.#staffing.enough();
  }

  /** Told to stop, a run ends after the step that is under way; where that does not end, at the last whole one. */
  interrupt(): void {
    const { gracePeriod } = this.#options.prepared.plan.config;
    this.#staffing.fail(new Interrupted('stopped while waiting for workers'));
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
    this.#staffing.close();
    const processes = [this.#processes, this.#aggregators].filter((some) => some !== undefined);
    for (const some of processes) some.retire();
    await this.fleet.close(isOver);
    await Promise.all(processes.map((some) => some.close()));
  }
}

/** What a run that is resumed has computed with. */
function usedBefore({ resolved, device }: Config): EngineOn | undefined {
  return resolved && { engine: resolved.engine, device: resolved.device ?? device };
}
