import { Fleet } from '../coordinator/members/fleet.js';
import { Assignments } from '../coordinator/work/assignments.js';
import type { Job } from '../coordinator/work/job.js';
import type { Config } from '../shared/config/configSchema.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { type Message, sendingOver } from '../shared/protocol/protocol.js';
import { now } from '../shared/system/clock.js';
import { usableCores } from '../shared/system/controlGroup.js';
import { version } from '../shared/system/version.js';
import { atMost, saidOfStrangers } from '../shared/text/atMost.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import type { RunKeys } from '../shared/transport/keys.js';
import type { Hub, Link, Transport } from '../shared/transport/transport.js';
import { MemorySteps } from '../step/memory/memorySteps.js';
import type { Send } from '../step/messages/gradientFrames.js';
import { chunkSizes } from '../step/stepBatch.js';
import { SampleRequests } from '../worker/samples/sampleRequests.js';
import { GradientsUp } from './gradientsUp.js';
import { NodeSums } from './nodeSums.js';
import { Relay } from './relay.js';
import { StepBelow } from './stepBelow.js';
import { openSubtreeArrays, type SubtreeArrays } from './subtreeArrays.js';

export interface SubtreeOptions {
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
  /** Default: ZeroMQ's sockets. */
  readonly transport?: Transport | undefined;
}

/** What an aggregator holds once it is configured: those below it, and what is asked of them. */
export class Subtree {
  /** Samples that those below lack. */
  readonly wanted: SampleRequests;
  /** Set once the run cannot go on below it. */
  failure: Error | undefined;
  readonly #config: Config;
  readonly #arrays: SubtreeArrays;
  readonly #fleet: Fleet<Assignments, Relay>;
  readonly #step: StepBelow;
  readonly #sendUp: Send;
  /** Evaluations that are under way, by the coordinator's number. */
  readonly #evaluations = new Map<number, Job>();
  #closing: Promise<void> | undefined;

  /** @throws RunError where the gradients do not fit into memory */
  constructor(configure: Message<'configure'>, hub: Hub, link: Link, { workersHere, say }: SubtreeOptions) {
    this.#config = parseConfig(configure.config, 'the config of the coordinator', { cores: 1 });
    const { workers, shards, prepareTimeout, stepTimeout } = this.#config;
    const channels = Math.min(workers, workersHere ?? usableCores());
    this.#arrays = openSubtreeArrays(this.#config, configure.sliceSize, channels, say);
    const { slices, weightsOut, halves, shared, kernel, slots } = this.#arrays;
    this.#sendUp = sendingOver(link);
    this.wanted = new SampleRequests(this.#sendUp);
    const relay = {
      ...{ version, configure, prepareTimeout, sendUp: this.#sendUp },
      shared: shared && { memory: shared.memory, channels },
    };
    const memorySteps = shared && new MemorySteps(shared.arena, shared.memory.system);
    this.#fleet = new Fleet(
      {
        ...{ hub, slices, unpack: halves?.unpack, layout: configure.layout },
        desk: (roster, ports) => new Relay(relay, roster, ports),
        samples: ({ split, samples }) => this.wanted.ask(split, samples),
        events: {
          ready: ({ name, hello }) => say(`${name} (pid ${hello.pid} on ${hello.host}) computes`),
          left: ({ name, hello }, reason) => say(`${name} (pid ${hello.pid} on ${hello.host}) ${reason}`),
          refused: atMost(saidOfStrangers, say),
          notice: say,
          failed: (reason) => {
            this.failure = reason;
            void link.close();
          },
        },
      },
      (fleet) => new Assignments({ slices, weightsOut, shards, stepTimeout, memorySteps, level: configure.level }, fleet),
    );
    this.#step = new StepBelow({
      ...{ shards, assignments: this.#fleet.work },
      sums: new NodeSums(kernel, slots, slices),
      up: new GradientsUp(this.#sendUp, slices.length, halves),
      finish: (job, then) => this.#finish(job, then),
    });
  }

  /** Who lets others in below it. */
  get relay(): Relay {
    return this.#fleet.desk;
  }

  get slices(): SubtreeArrays['slices'] {
    return this.#arrays.slices;
  }

  get unpack(): ((frame: Uint8Array) => Float32Array) | undefined {
    return this.#arrays.halves?.unpack;
  }

  /** A slice of the weights to come. */
  announce({ version: number, slice }: Message<'weights'>, tensors: readonly Float32Array[]): void {
    const { weights } = this.#arrays;
    weights.take(number, [slice], tensors);
    if (weights.latest) this.#fleet.work.announce(weights.latest, slice);
  }

  step({ work, batch, nodes: pairs, version: number, slices }: Message<'step'>, tensors: readonly Float32Array[]): void {
    const { weights } = this.#arrays;
    weights.take(number, slices, tensors);
    if (work !== this.#step.work) {
      // An evaluation may go on beside the step after it, and no further.
      this.#dropEvaluations(this.#step.work);
      this.#step.begin(work);
    }
    const nodes = pairs.map(([from, to]) => ({ from, to }));
    this.#step.ask({ work, batch, nodes }, weights.whole(number));
  }

  evaluate({ work, split, samples, chunks, version: number, slices }: Message<'evaluate'>, tensors: readonly Float32Array[]): void {
    const { weights } = this.#arrays;
    weights.take(number, slices, tensors);
    const missing = new Set(chunks);
    const sizes = chunkSizes(samples, this.#config.validationBatchSize).map((size, chunk) => (missing.has(chunk) ? size : 0));
    const job = this.#fleet.work.askEvaluation({
      ...{ split, samples, sizes, weights: weights.whole(number) },
      hears: {
        node: ({ node: { from: chunk }, shards: [sums], computeMs }) => {
          missing.delete(chunk);
          // It may be the last that the coordinator waits for.
          if (missing.size === 0) this.relay.report();
          if (sums) this.#sendUp({ type: 'evaluation', work, chunk, sums, startedAt: now() - computeMs, computeMs });
        },
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
      this.#fleet.work.drop(job);
      this.#evaluations.delete(work);
    }
  }

  /** Tells those below to leave, or has them go back to the coordinator. */
  close(isOver: boolean, goesOn: boolean): Promise<void> {
    this.#closing ??= this.#fleet.close(isOver, goesOn).finally(() => this.#arrays.close());
    return this.#closing;
  }

  /** What comes of it goes up as it comes; what keeps it from coming ends this. */
  #finish(job: Job, then: () => void): void {
    this.#fleet.work.finish(job).then(then, (error: unknown) => {
      this.failure ??= error instanceof Error ? error : new RunError(errorMessage(error));
    });
  }
}
