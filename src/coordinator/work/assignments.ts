import type { Slices } from '../../shared/model/slices.js';
import type { UnitSums } from '../../shared/protocol/protocol.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { MemorySteps } from '../../step/memory/memorySteps.js';
import { MessageSteps } from '../../step/messages/messageSteps.js';
import type { WeightsOut } from '../../step/messages/weightsOut.js';
import { type StepBatch, shardSizes } from '../../step/stepBatch.js';
import type { TreeNode } from '../../step/tree.js';
import type { DeadlineOptions, Verdict } from '../members/deadline.js';
import type { AnswerMessage, Assigning, Work } from '../members/fleetPorts.js';
import { type Member, type Roster, workersOf } from '../members/roster.js';
import type { Tracer } from '../timing/tracer.js';
import { Answers } from './answers.js';
import type { Job, JobSpec } from './job.js';
import { OpenJobs } from './openJobs.js';

export interface AssignmentsOptions extends DeadlineOptions {
  /** Of all tensors. */
  readonly slices: Slices;
  readonly shards: number;
  readonly weightsOut: WeightsOut;
  /** Workers that share memory with this process, where it has some to share. */
  readonly memorySteps?: MemorySteps | undefined;
  readonly tracer?: Tracer | undefined;
}

/** What is asked of a step; see JobSpec. */
export interface GradientRequest extends Pick<JobSpec, 'sink' | 'hears'> {
  readonly batch: StepBatch;
  readonly nodes: readonly TreeNode[];
  readonly weights: Float32Array;
}

/** What is asked of an evaluation; see JobSpec. */
export interface EvaluationRequest extends Pick<JobSpec, 'hears'> {
  readonly split: 'validation' | 'test';
  /** In the whole split. */
  readonly samples: number;
  /** Of its chunks, 0 for those that are not asked for. */
  readonly sizes: readonly number[];
  readonly weights: Float32Array;
}

/** What the workers of a run are asked for. */
export class Assignments implements Work {
  readonly answers: Answers;
  readonly #options: AssignmentsOptions;
  readonly #fleet: Assigning;
  readonly #roster: Roster;
  readonly #jobs: OpenJobs;
  readonly #messageSteps: MessageSteps;
  /** How gradients were asked for, by worker and step: in memory that is shared, or in messages. */
  readonly asked: { memory: number; messages: number } = { memory: 0, messages: 0 };

  constructor(options: AssignmentsOptions, fleet: Assigning) {
    this.#options = options;
    this.#fleet = fleet;
    this.#roster = fleet.roster;
    this.#jobs = new OpenJobs(options);
    this.#messageSteps = new MessageSteps(options.weightsOut, (to, frames) => fleet.send(to, frames));
    this.answers = new Answers({ ...options, slices: options.slices.length }, this.#jobs, fleet);
  }

  /** A step begins: nothing that came of the one before is needed any more. */
  beginStep(): void {
    this.#options.memorySteps?.begin();
    this.#messageSteps.begin();
  }

  /** Asks for the gradients of the shards of some nodes of a step. */
  askGradients({ batch, nodes, weights, ...listening }: GradientRequest): Job {
    const { shards, memorySteps, weightsOut } = this.#options;
    const work = this.#jobs.newNumber();
    const version = weightsOut.use(weights, true);
    return this.#open({
      ...{ ...listening, work, sizes: shardSizes(batch, shards, nodes), grain: 'tree' },
      ask: (worker, nodes) => {
        this.#traceAsked(worker, work);
        this.answers.asked(worker);
        const request = { work, batch, nodes };
        if (memorySteps?.ask(worker, request, version)) this.asked.memory++;
        else if (this.#messageSteps.ask(worker, request, version)) this.asked.messages++;
      },
    });
  }

  /** Asks for the sums of chunks of a split of the data. */
  askEvaluation({ split, samples, sizes, weights, hears }: EvaluationRequest): Job {
    const work = this.#jobs.newNumber();
    const version = this.#options.weightsOut.use(weights, false);
    return this.#open({
      ...{ work, sizes, hears, grain: 'unit' },
      ask: (worker, nodes) => {
        this.#traceAsked(worker, work);
        this.#messageSteps.askEvaluation(worker, { work, split, samples, chunks: nodes.map(({ from }) => from) }, version);
      },
    });
  }

  /** Waits for all of it, and takes the gradients that come in shared memory meanwhile. */
  async finish(job: Job): Promise<readonly UnitSums[]> {
    // Evaluations are answered by messages.
    const memorySteps = job.spec.grain === 'tree' ? this.#options.memorySteps : undefined;
    const owing = (): readonly Incarnation[] | undefined => (this.#jobs.isOne ? job.owing : undefined);
    await memorySteps?.take(
      () => job.isOver,
      owing,
      ({ from, answer, gradient }) =>
        this.#fleet.hear(from, () => {
          const member = this.#roster.get(from);
          if (member) this.answers.takeShared(member, answer, gradient);
        }),
    );
    return this.#jobs.finish(job);
  }

  /** What is still to come of it is not wanted any more. */
  drop(job: Job): void {
    this.#jobs.drop(job);
  }

  /** Who computed what is not finite, by name. */
  nonFinite(job: Job): readonly { readonly worker: string; readonly shard: number }[] {
    return job.nonFinite.map(({ worker, unit }) => ({ worker: this.#roster.get(worker)?.name ?? 'a worker that is gone', shard: unit }));
  }

  /** A slice of the weights to come is there. */
  announce(weights: Float32Array, slice: number): void {
    this.#messageSteps.announce(weights, slice);
  }

  fail(reason: Error): void {
    this.#jobs.fail(reason);
  }

  abandon(): void {
    this.#jobs.abandon();
  }

  hello({ channel }: Member): void {
    if (channel !== undefined) this.#options.memorySteps?.clear(channel);
  }

  joined({ incarnation, channel, ready }: Member): void {
    if (ready?.sharesMemory && channel !== undefined) this.#options.memorySteps?.attach(incarnation, channel);
    this.#jobs.workerJoined(incarnation);
  }

  left(worker: Incarnation): void {
    this.answers.left(worker);
    this.#messageSteps.left(worker);
    this.#options.memorySteps?.left(worker);
    this.cannotCompute(worker);
  }

  cannotCompute(worker: Incarnation): void {
    this.#jobs.workerLeft(worker, this.#living);
  }

  take(member: Member, answer: AnswerMessage, values: Float32Array | undefined): void {
    this.answers.take(member, answer, values);
  }

  checkDeadline(): { readonly verdict: Verdict; readonly owing: readonly Incarnation[] } {
    return this.#jobs.checkDeadline(this.#living);
  }

  #open(spec: JobSpec): Job {
    const living = this.#living;
    const paces = this.answers.shares(living);
    const shares = this.#roster.askable.map((member, i) => workersOf(member) * (paces[i] ?? 1));
    return this.#jobs.open(spec, living, shares);
  }

  #traceAsked(worker: Incarnation, work: number): void {
    const { tracer } = this.#options;
    const member = tracer && this.#roster.get(worker);
    if (member) tracer.asked(member, work);
  }

  get #living(): Incarnation[] {
    return this.#roster.askable.map(({ incarnation }) => incarnation);
  }
}
