import type { Partition } from '../../shared/model/slices.js';
import { encode, type Message, type PartSums } from '../../shared/protocol/protocol.js';
import { awakeNow } from '../../shared/system/awakeTimer.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Frames, Incarnation } from '../../shared/transport/transport.js';
import type { StepAnswer } from '../../step/memory/arena.js';
import type { SharedWorkers } from '../../step/memory/memorySteps.js';
import { type Arrival, GradientsIn } from '../../step/messages/gradientsIn.js';
import type { Broadcast } from '../../step/messages/weightsOut.js';
import type { StepPlan } from '../../step/stepBatch.js';
import { isTreeNode, shardRange, type TreeNode } from '../../step/tree.js';
import { isAggregator, type Member, type Roster, workersOf } from '../members/roster.js';
import type { Tracer } from '../timing/tracer.js';
import type { DeadlineOptions, Verdict } from './deadline.js';
import type { Answer, Job, JobSpec } from './job.js';
import { Jobs } from './openJobs.js';
import { Pace } from './pace.js';

export interface AssignmentsOptions extends DeadlineOptions {
  /** Of all tensors. */
  readonly partition: Partition;
  readonly shards: number;
  readonly broadcast: Broadcast;
  /** Workers that share memory with this process, where it has some to share. */
  readonly shared?: SharedWorkers | undefined;
  readonly tracer?: Tracer | undefined;
}

/** What assignments need of those who have the connections. */
export interface AssignmentPorts {
  send(to: Incarnation, frames: Frames): void;
  /** Takes what a peer has said; one that makes no sense is sent away. */
  hear(from: Incarnation, take: () => void): void;
  ban(peer: Incarnation, reason: string): void;
  notice(line: string): void;
}

/** What is asked of a step; see JobSpec. */
export interface GradientRequest extends Pick<JobSpec, 'onSums' | 'onPart' | 'onNode'> {
  readonly plan: StepPlan;
  readonly nodes: readonly TreeNode[];
  readonly weights: Float32Array;
}

/** What is asked of an evaluation; see JobSpec. */
export interface EvaluationRequest extends Pick<JobSpec, 'onIdle' | 'onNode'> {
  readonly part: 'validation' | 'test';
  /** In the whole part. */
  readonly samples: number;
  /** Of its chunks, 0 for those that are not asked for. */
  readonly sizes: readonly number[];
  readonly weights: Float32Array;
}

/** What the workers of a run are asked for, and what they answer. */
export class Assignments {
  readonly #options: AssignmentsOptions;
  readonly #roster: Roster;
  readonly #ports: AssignmentPorts;
  readonly #jobs: Jobs;
  readonly #pace = new Pace();
  readonly #gradientsIn: GradientsIn;
  /** Who is sent messages for the step that is under way. */
  readonly #listeners = new Set<Incarnation>();
  /** Answers that came after their part had been given to another. */
  lateAnswers = 0;
  /** How gradients were asked for, by worker and step: in memory that is shared, or in messages. */
  readonly asked: { memory: number; messages: number } = { memory: 0, messages: 0 };

  constructor(options: AssignmentsOptions, roster: Roster, ports: AssignmentPorts) {
    this.#options = options;
    this.#roster = roster;
    this.#ports = ports;
    this.#jobs = new Jobs(options);
    this.#gradientsIn = new GradientsIn(options.partition.length);
  }

  /** Asks for the gradients of the shards of some nodes of a step's batch. */
  askGradients({ plan, nodes, weights, ...ports }: GradientRequest): Job {
    const { shards, shared, broadcast } = this.#options;
    const sizes = Array.from({ length: shards }, (_, shard) => {
      const { from, to } = shardRange(shard, shards, plan.count);
      return nodes.some((node) => node.from <= shard && shard < node.to) ? to - from : 0;
    });
    const work = this.#jobs.newNumber();
    const version = broadcast.use(weights, true);
    const { step, epoch, from, count } = plan;
    return this.#open({
      ...{ ...ports, work, parts: shards, sizes, grain: 'tree' },
      ask: (worker, nodes) => {
        const batch: [number, number] = [from, from + count];
        this.#traceAsked(worker, work);
        this.#pace.asked(worker, awakeNow());
        if (shared?.ask(worker, { work, step, epoch, batch, nodes }, version.values)) {
          this.asked.memory++;
          return;
        }
        this.asked.messages++;
        this.#listeners.add(worker);
        const pairs = nodes.map((node): [number, number] => [node.from, node.to]);
        const { tensors, ...parcel } = broadcast.rest(worker, version);
        this.#ports.send(worker, encode({ type: 'step', work, step, epoch, batch, nodes: pairs, ...parcel }, tensors));
      },
    });
  }

  /** A step begins: nothing that came of the one before is needed any more. */
  beginStep(): void {
    this.#options.shared?.begin();
    this.#listeners.clear();
  }

  /** Waits for all of it, and takes the gradients that come in shared memory meanwhile. */
  async finish(job: Job): Promise<readonly PartSums[]> {
    // Evaluations are answered by messages.
    const shared = job.spec.grain === 'tree' ? this.#options.shared : undefined;
    const debtors = (): readonly Incarnation[] | undefined => (this.#jobs.isOne ? job.debtors : undefined);
    await shared?.take(
      () => job.isOver,
      debtors,
      ({ from, answer, gradient }) => this.#ports.hear(from, () => this.#takeSharedAnswer(from, answer, gradient)),
    );
    return this.#jobs.finish(job);
  }

  /** What is still to come of it is not wanted any more. */
  drop(job: Job): void {
    this.#jobs.drop(job);
  }

  /** Who computed what is not finite, by name. */
  nonFinite(job: Job): readonly { readonly worker: string; readonly shard: number }[] {
    return job.nonFinite.map(({ worker, part }) => ({ worker: this.#roster.get(worker)?.name ?? 'a worker that is gone', shard: part }));
  }

  /** A part of the weights to come is there: it goes to those who will need it, while others are being worked out. */
  announce(weights: Float32Array, part: number): void {
    const { broadcast } = this.#options;
    const version = broadcast.announce(weights, part);
    for (const worker of this.#listeners) {
      const { tensors } = broadcast.part(worker, version, part);
      this.#ports.send(worker, encode({ type: 'weights', version: version.number, part }, tensors));
    }
  }

  /** Asks for the sums of chunks of a part of the data. */
  askEvaluation({ part, samples, sizes, weights, ...ports }: EvaluationRequest): Job {
    const { broadcast } = this.#options;
    const work = this.#jobs.newNumber();
    const version = broadcast.use(weights, false);
    return this.#open({
      ...{ ...ports, work, parts: sizes.length, sizes, grain: 'part' },
      ask: (worker, nodes) => {
        this.#traceAsked(worker, work);
        const { tensors, ...parcel } = broadcast.rest(worker, version);
        const chunks = nodes.map(({ from }) => from);
        this.#ports.send(worker, encode({ type: 'evaluate', work, part, samples, chunks, ...parcel }, tensors));
      },
    });
  }

  /** Whatever is being waited for rejects with the reason. */
  fail(reason: Error): void {
    this.#jobs.fail(reason);
  }

  /** Nothing that is under way is wanted any more. */
  abandon(): void {
    this.#jobs.abandon();
  }

  workerJoined(worker: Incarnation): void {
    this.#jobs.workerJoined(worker);
  }

  /** Its work is given to others. */
  workerLeft(worker: Incarnation): void {
    this.#pace.forget(worker);
    this.#gradientsIn.forget(worker);
    this.#listeners.delete(worker);
    this.#options.broadcast.forget(worker);
    this.#options.shared?.detach(worker);
    this.#jobs.workerLeft(worker, this.#living);
  }

  /** Work is given out anew where those who can be asked are others than before. */
  cannotCompute(worker: Incarnation): void {
    this.#jobs.workerLeft(worker, this.#living);
  }

  takeGradient(member: Member, message: Message<'gradient'>, tensor: Float32Array | undefined): void {
    const node: TreeNode = { from: message.node[0], to: message.node[1] };
    if (!isTreeNode(node, this.#options.shards)) throw new ProtocolError(`[${node.from}, ${node.to}) is no node of the tree`);
    const isWanted = this.#jobs.find(message.work, 'tree')?.begins(member.incarnation, node, message.shards, message.computeMs) === true;
    this.#takePart(member, this.#gradientsIn.begin(member.incarnation, { ...message, node }, isWanted), tensor);
  }

  takeGradientPart(member: Member, message: Message<'gradientPart'>, tensor: Float32Array | undefined): void {
    this.#takePart(member, this.#gradientsIn.next(member.incarnation, message), tensor);
  }

  takeEvaluation(member: Member, message: Message<'evaluation'>): void {
    const { chunk, sums } = message;
    const job = this.#jobs.find(message.work, 'part');
    const node = { from: chunk, to: chunk + 1 };
    this.#options.tracer?.answered(member, { kind: 'evaluation', ...message, node });
    this.#count(member, message, job?.answer(member.incarnation, node, [sums], undefined, message.computeMs, this.#living));
  }

  /** Who owes something of the oldest work, and whether they have had their time. */
  checkDeadline(): { readonly verdict: Verdict; readonly debtors: readonly Incarnation[] } {
    return this.#jobs.checkDeadline(this.#living);
  }

  #takePart(member: Member, { answer, part, isWanted, isLast }: Arrival, tensor: Float32Array | undefined): void {
    const job = this.#jobs.find(answer.work, 'tree');
    if (isWanted && tensor && job && !job.isOver) job.spec.onPart?.(answer.node, part, tensor);
    if (isLast) this.#takeNode(member, answer, undefined);
  }

  #takeSharedAnswer(from: Incarnation, answer: StepAnswer, gradient: Float32Array | undefined): void {
    const member = this.#roster.get(from);
    if (member) this.#takeNode(member, answer, gradient);
  }

  #takeNode(member: Member, answer: Omit<StepAnswer, 'gradient'>, gradient: Float32Array | undefined): void {
    this.#options.tracer?.answered(member, { kind: 'gradient', ...answer });
    const job = this.#jobs.find(answer.work, 'tree');
    const { node, shards, computeMs } = answer;
    this.#count(member, answer, job?.answer(member.incarnation, node, shards, gradient, computeMs, this.#living));
    // Those below an aggregator compute side by side.
    this.#followPace(member, computeMs, shards.length / workersOf(member));
  }

  #count(member: Member, { work, computeMs }: { work: number; computeMs: number }, answer: Answer | undefined): void {
    if (this.#jobs.isAbandoned(work)) return;
    if (answer?.kind === 'again') this.#ports.notice(`${member.name} gave a loss or gradient that is not finite: it is computed once more`);
    if (answer === undefined || answer.kind === 'late') {
      this.lateAnswers++;
      return;
    }
    member.parts++;
    member.computeMs += computeMs;
    for (const faulty of answer.faulty) {
      // Alone it may have answered both times; what it says is finite now.
      if (faulty !== member.incarnation) this.#sendFaultyAway(faulty);
    }
  }

  #sendFaultyAway(peer: Incarnation): void {
    const reason = 'is faulty: what it found not finite, another worker found finite';
    const member = this.#roster.get(peer);
    // Which of those below an aggregator it was is not known, and the others are not to blame.
    if (member && isAggregator(member)) this.#ports.notice(`a worker below ${member.name} ${reason}`);
    else this.#ports.ban(peer, reason);
  }

  #followPace({ incarnation }: Member, computeMs: number, shards: number): void {
    const slow = this.#pace.record(incarnation, computeMs, shards, awakeNow());
    if (!slow) return;
    const name = this.#roster.get(slow.worker)?.name ?? 'a worker';
    this.#ports.notice(
      `${name} is slow: ${slow.own.toFixed(1)} ms a shard, the others take ${slow.others.toFixed(1)} ms; it gets fewer shards`,
    );
  }

  #open(spec: JobSpec): Job {
    const living = this.#roster.askable;
    const paces = this.#pace.shares(this.#living);
    const shares = living.map((member, i) => workersOf(member) * (paces[i] ?? 1));
    return this.#jobs.open(spec, this.#living, shares);
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
