import { Fleet } from '../coordinator/members/fleet.js';
import { chunkSizes } from '../coordinator/training/trainingPlan.js';
import { wantedShards } from '../coordinator/work/computations.js';
import type { Job } from '../coordinator/work/job.js';
import type { Config } from '../shared/config/configSchema.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { encode, type Message, type PartSums } from '../shared/protocol/protocol.js';
import { now } from '../shared/system/clock.js';
import { usableCores } from '../shared/system/controlGroup.js';
import { version } from '../shared/system/version.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import type { RunKeys } from '../shared/transport/keys.js';
import type { Hub, Link } from '../shared/transport/transport.js';
import { SharedWorkers } from '../step/memory/memorySteps.js';
import type { Send } from '../step/messages/sendGradient.js';
import type { StepPlan } from '../step/stepBatch.js';
import type { TreeNode } from '../step/tree.js';
import { SampleRequests } from '../worker/samples/sampleRequests.js';
import { GradientsUp, sumsWithin } from './gradientsUp.js';
import { NodeSums } from './nodeSums.js';
import { Relay } from './relay.js';
import { type BranchState, openBranchState } from './subtreeArrays.js';

export interface BranchOptions {
  readonly keys: RunKeys | undefined;
  /** Where to listen; default: at the address by which it reaches the coordinator, at any free port. */
  readonly bind: string | undefined;
  /** Name or address of this machine for workers; default: where it listens. */
  readonly advertise: string | undefined;
  readonly slot: number | undefined;
  /** Workers of the run on this machine, which may share its memory; default: one a core. */
  readonly workersHere: number | undefined;
  readonly leave: AbortSignal;
  readonly say: (line: string) => void;
}

/** What is asked of it in a step. */
interface Asked {
  /** By the coordinator's number. */
  readonly work: number;
  readonly plan: StepPlan;
  readonly nodes: TreeNode[];
  readonly weights: Float32Array;
}

/** What an aggregator holds once it is configured. */
export class Branch {
  readonly relay: Relay;
  /** Samples that those below lack. */
  readonly wanted: SampleRequests;
  /** Set once the run cannot go on below it. */
  failure: Error | undefined;
  readonly #config: Config;
  readonly #state: BranchState;
  readonly #fleet: Fleet;
  readonly #sums: NodeSums;
  readonly #up: GradientsUp;
  readonly #sendUp: Send;
  /** Of the step that is under way, by the coordinator's number. */
  #work = -1;
  #jobs: Job[] = [];
  /** Evaluations that are under way, by the coordinator's number. */
  readonly #evaluations = new Map<number, Job>();
  /** What has been asked of it and not yet of those below. */
  #waiting: Asked[] = [];
  #closing: Promise<void> | undefined;

  /** @throws RunError where the gradients do not fit into memory */
  constructor(configure: Message<'configure'>, hub: Hub, link: Link, { workersHere, say }: BranchOptions) {
    this.#config = parseConfig(configure.config, 'the config of the coordinator', { cores: 1 });
    const { workers, shards, prepareTimeout, stepTimeout } = this.#config;
    const channels = Math.min(workers, workersHere ?? usableCores());
    this.#state = openBranchState(this.#config, configure.partSize, channels, say);
    const { partition, broadcast, halves, shared } = this.#state;
    this.#sendUp = (message, tensors) => link.send(encode(message, tensors));
    this.wanted = new SampleRequests(this.#sendUp);
    const relayOptions = {
      version,
      configure,
      prepareTimeout,
      sendUp: this.#sendUp,
      shared: shared && { memory: shared.memory, channels },
    };
    let relay: Relay | undefined;
    this.#fleet = new Fleet({
      ...{ hub, partition, broadcast, halves, shards, stepTimeout, level: configure.level },
      desk(roster, ports) {
        relay = new Relay(relayOptions, roster, ports);
        return relay;
      },
      shared: shared && new SharedWorkers(shared.arena, shared.memory.system),
      layout: configure.layout,
      samples: ({ part, samples }) => this.wanted.ask(part, samples),
      events: {
        onReady: ({ name, hello }) => say(`${name} (pid ${hello.pid} on ${hello.host}) computes`),
        onLeft: ({ name, hello }, reason) => say(`${name} (pid ${hello.pid} on ${hello.host}) ${reason}`),
        onRefused: atMost(saidOfStrangers, say),
        onNotice: say,
        onFailed: (reason) => {
          this.failure = reason;
          void link.close();
        },
      },
    });
    if (!relay) throw new RangeError('the fleet has opened no desk');
    this.relay = relay;
    this.#sums = new NodeSums(this.#state.kernel, this.#state.slots, partition);
    this.#up = new GradientsUp(this.#sendUp, partition.length, halves);
  }

  get partition(): BranchState['partition'] {
    return this.#state.partition;
  }

  get unpack(): ((frame: Uint8Array) => Float32Array) | undefined {
    return this.#state.halves?.unpack;
  }

  /** A part of the weights to come. */
  announce({ version: number, part }: Message<'weights'>, tensors: readonly Float32Array[]): void {
    const { weights } = this.#state;
    weights.take(number, [part], tensors);
    if (weights.latest) this.#fleet.assignments.announce(weights.latest, part);
  }

  step({ work, step, epoch, batch, nodes, version: number, parts }: Message<'step'>, tensors: readonly Float32Array[]): void {
    const { weights } = this.#state;
    weights.take(number, parts, tensors);
    if (work !== this.#work) this.#beginWork(work);
    const plan = { step, epoch, from: batch[0], count: batch[1] - batch[0] };
    const asked = nodes.map(([from, to]): TreeNode => ({ from, to }));
    this.#waiting.push({ work, plan, nodes: asked, weights: weights.whole(number) });
    this.#askMore();
  }

  evaluate({ work, part, samples, chunks, version: number, parts }: Message<'evaluate'>, tensors: readonly Float32Array[]): void {
    const { weights } = this.#state;
    weights.take(number, parts, tensors);
    const asked = new Set(chunks);
    const sizes = chunkSizes(samples, this.#config.validationBatchSize).map((size, chunk) => (asked.has(chunk) ? size : 0));
    const job = this.#fleet.assignments.askEvaluation({
      ...{ part, samples, sizes, weights: weights.whole(number) },
      onNode: ({ from: chunk }, _, [sums], computeMs) => {
        asked.delete(chunk);
        // It may be the last that the coordinator waits for.
        if (asked.size === 0) this.relay.report();
        if (sums) this.#sendUp({ type: 'evaluation', work, chunk, sums, startedAt: now() - computeMs, computeMs });
      },
    });
    this.#dropEvaluations(work);
    this.#evaluations.set(work, job);
    this.#finish(job, () => this.#evaluations.delete(work));
  }

  /** Of pieces of work before this one. Those that have not ended were given to others. */
  #dropEvaluations(before: number): void {
    for (const [work, job] of this.#evaluations) {
      if (work >= before) continue;
      this.#fleet.assignments.drop(job);
      this.#evaluations.delete(work);
    }
  }

  /** Tells those below to leave, or has them go back to the coordinator. */
  close(isOver: boolean, goesOn: boolean): Promise<void> {
    this.#closing ??= this.#fleet.close(isOver, goesOn).finally(() => this.#state.close());
    return this.#closing;
  }

  /** The coordinator has gone on: it has read what came of earlier work, and wants no more of it. */
  #beginWork(work: number): void {
    for (const job of this.#jobs) this.#fleet.assignments.drop(job);
    this.#jobs = [];
    // An evaluation may go on beside the step after it, and no further.
    this.#dropEvaluations(this.#work);
    this.#work = work;
    this.#waiting = [];
    this.#up.forget();
    this.#sums.free();
    this.#fleet.assignments.beginStep();
  }

  /** Asks for what waits, as far as there are arrays to add it up in: what is left then goes node by node. */
  #askMore(): void {
    for (let [next] = this.#waiting; next; [next] = this.#waiting) {
      const room = this.#sums.room;
      if (room === 0 && this.#sums.isSpareTaken) return;
      const nodes = next.nodes.splice(0, Math.max(1, room));
      if (next.nodes.length === 0) this.#waiting.shift();
      this.#ask({ ...next, nodes });
    }
  }

  #ask({ work, plan, nodes, weights }: Asked): void {
    const wanted = [...wantedShards(this.#config.shards, plan.count)].filter((shard) =>
      nodes.some(({ from, to }) => from <= shard && shard < to),
    );
    const sums = this.#sums.open(nodes, new Set(wanted));
    let known: readonly PartSums[] | undefined;
    const startedAt = now();
    const take = (node: TreeNode, part: number | undefined, values: Float32Array): void => {
      sums.find((sum) => sum.has(node))?.add(node, part, values);
      this.#up.flush();
    };
    const job = this.#fleet.assignments.askGradients({
      ...{ plan, nodes, weights },
      onSums: (all) => {
        known = all;
        this.#up.flush();
      },
      onPart: take,
      onNode: (node, values) => values && take(node, undefined, values),
    });
    for (const sum of sums) {
      const shards = (): PartSums[] | undefined => known && sumsWithin(sum.node, known, wanted);
      // Of several nodes each has its share.
      const share = wanted.filter((shard) => sum.has({ from: shard, to: shard + 1 })).length / wanted.length;
      this.#up.expect({ work, sum, shards, startedAt, computeMs: () => share * job.computeMs });
    }
    this.#jobs.push(job);
    this.#finish(job, () => {
      for (const sum of sums) this.#sums.done(sum);
      if (work === this.#work) this.#askMore();
    });
  }

  /** What comes of it goes up as it comes; what keeps it from coming ends this. */
  #finish(job: Job, then: () => void = () => undefined): void {
    this.#fleet.assignments.finish(job).then(then, (error: unknown) => {
      this.failure ??= error instanceof Error ? error : new RunError(errorMessage(error));
    });
  }
}
