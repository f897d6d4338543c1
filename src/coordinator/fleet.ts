import { setImmediate as turn } from 'node:timers/promises';
import type { Config } from '../shared/config/schema.js';
import { errorMessage, ProtocolError, RunError } from '../shared/errors.js';
import { divisorOf, type Halves } from '../shared/half/half.js';
import type { StepAnswer } from '../shared/memory/arena.js';
import type { Partition } from '../shared/partition.js';
import { type Decoded, decodeFromWorker, encode, type FromWorker, type Message, type PartSums } from '../shared/protocol.js';
import { Stopwatch } from '../shared/stopwatch.js';
import type { Frames, Hub, Incarnation } from '../shared/transport.js';
import { isTreeNode, shardRange, type TreeNode } from '../shared/tree.js';
import type { Broadcast } from './broadcast.js';
import { type Arrival, GradientsIn } from './gradientsIn.js';
import type { Answer, Job, JobSpec } from './job.js';
import { Jobs } from './jobs.js';
import { Pace } from './pace.js';
import type { PartedSum, PartSum } from './partedSum.js';
import { Reception, type ReceptionOptions } from './reception.js';
import { type Member, Roster } from './roster.js';
import type { SharedWorkers } from './sharedWorkers.js';
import type { StepAnswers, StepPlan } from './step.js';
import type { Tracer } from './tracer.js';

export interface FleetEvents {
  onReady?(member: Member): void;
  /** A worker is gone or was sent away; `isFinal` where another try of it would end the same way. */
  onLeft?(member: Member, reason: string, isFinal: boolean): void;
  /** Someone was refused before it became a worker, or its message made no sense: one line. */
  onRefused?(line: string): void;
  /** Something that a person should know. */
  onNotice?(line: string): void;
}

export interface FleetOptions extends ReceptionOptions {
  readonly hub: Hub;
  /** Of all tensors. */
  readonly partition: Partition;
  readonly shards: number;
  readonly sum: PartedSum;
  readonly broadcast: Broadcast;
  readonly events: FleetEvents;
  /** Seconds; undefined derives it from how long steps take. */
  readonly stepTimeout: number | undefined;
  /** Workers that share memory with the coordinator, where it has some to share. */
  readonly shared?: SharedWorkers | undefined;
  /** How tensors go in 16 bits, if they do. */
  readonly halves?: Halves | undefined;
  readonly compression: Config['compression'];
  readonly tracer?: Tracer | undefined;
}

/** Milliseconds between probes, which tell who can no longer be reached. */
const probeInterval = 1_000;
/** Milliseconds that the coordinator sleeps at most while it waits for workers that share its memory. */
const longestSleep = 10;
/** The same where some will send a message, which does not wake it. */
const shortSleep = 0.2;
/** Milliseconds after which it looks at its sockets, timers and signals, whatever there is to do. */
const turnInterval = 2;
/** Milliseconds that workers have to say goodbye. */
const dismissTimeout = 2_000;

/** The workers of one run: lets them in, gives them work, gathers their answers, and notices who is gone. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #banned = new Set<Incarnation>();
  readonly #reception: Reception;
  readonly #probing: NodeJS.Timeout;
  readonly #listening: Promise<void>;
  readonly #jobs: Jobs;
  readonly #pace = new Pace();
  readonly #gradientsIn: GradientsIn;
  /** Who is sent messages for the step that is under way. */
  readonly #listeners = new Set<Incarnation>();
  /** Set once the run is over: called when the last worker has left. */
  #onEmpty: (() => void) | undefined;
  #lastTurn = 0;
  /** Answers that came after their part had been given to another. */
  lateAnswers = 0;
  /** Peers that were sent away for what they said. */
  refused = 0;
  /** Time spent adding gradients up. */
  readonly reducing: Stopwatch;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { tracer } = options;
    this.reducing = new Stopwatch(tracer && ((from, to) => tracer.span('add', from, to)));
    this.#jobs = new Jobs(options);
    this.#reception = new Reception(options, this.#roster, options.partition[0]?.size ?? 1, {
      send: (to, message) => this.#send(to, encode(message)),
      ban: (peer, reason) => this.#ban(peer, reason),
      notice: (line) => this.#notice(line),
    });
    this.#gradientsIn = new GradientsIn(options.partition.length);
    this.#listening = this.#listen();
    this.#probing = setInterval(() => this.#probe(), probeInterval).unref();
  }

  /** Everyone that can compute now. */
  get ready(): readonly Member[] {
    return this.#roster.ready;
  }

  /** Everyone that is connected, ready or not. */
  get present(): readonly Member[] {
    return this.#roster.all;
  }

  /** Everyone that is or was ready. */
  get veterans(): readonly Member[] {
    return this.#roster.veterans;
  }

  /**
   * Computes the gradient sum of one global batch, which is good until the next call, and the sums of its shards that are
   * not empty.
   * @param onPart is told of every part of the gradient as soon as all shards of it are in
   */
  async gradients(plan: StepPlan, weights: Float32Array, onPart?: (part: PartSum) => void): Promise<StepAnswers> {
    const { shards, sum, shared, broadcast, compression } = this.#options;
    const scale = Math.max(1, divisorOf(compression, plan.count) / plan.count);
    const sizes = Array.from({ length: shards }, (_, shard) => {
      const { from, to } = shardRange(shard, shards, plan.count);
      return to - from;
    });
    const reducedBefore = this.reducing.total;
    sum.start(shards, new Set(sizes.flatMap((size, shard) => (size > 0 ? [shard] : []))));
    shared?.begin();
    this.#listeners.clear();
    const work = this.#jobs.newNumber();
    const version = broadcast.use(weights, true);
    const { step, epoch, from, count } = plan;
    const tellOf = (parts: readonly PartSum[]): void => {
      for (const part of parts) onPart?.(part);
    };
    const job = this.#open({
      work,
      parts: shards,
      sizes,
      grain: 'tree',
      ask: (worker, nodes) => {
        const batch: [number, number] = [from, from + count];
        this.#traceAsked(worker, work);
        if (shared?.ask(worker, { work, step, epoch, batch, nodes }, version.values)) return;
        this.#listeners.add(worker);
        const pairs = nodes.map((node): [number, number] => [node.from, node.to]);
        const { tensors, ...parcel } = broadcast.rest(worker, version);
        this.#send(worker, encode({ type: 'step', work, step, epoch, batch, nodes: pairs, ...parcel }, tensors));
      },
      onPart: (node, part, tensor) => tellOf(this.reducing.time(() => sum.addPart(node, part, tensor))),
      onNode: (node, tensor, sums) => tensor && tellOf(this.reducing.time(() => sum.add(node, tensor, boundOf(sums, scale)))),
    });
    await this.#takeShared(job);
    const parts = await this.#jobs.finish(job);
    const nonFinite = job.nonFinite.map(({ worker, part }) => ({
      worker: this.#roster.get(worker)?.name ?? 'a worker that is gone',
      shard: part,
    }));
    const result = this.reducing.time(() => sum.result());
    return { parts, ...result, nonFinite, computeMs: job.computeMs, reduceMs: this.reducing.total - reducedBefore };
  }

  /** A part of the weights to come is there: it goes to those who will need it, while others are being worked out. */
  announce(weights: Float32Array, part: number): void {
    const { broadcast } = this.#options;
    const version = broadcast.announce(weights, part);
    for (const worker of this.#listeners) {
      const { tensors } = broadcast.part(worker, version, part);
      this.#send(worker, encode({ type: 'weights', version: version.number, part }, tensors));
    }
  }

  /**
   * The sums of each chunk of a part of the data, in chunk order.
   * @param onIdle is called when the first worker has nothing left to do
   */
  async evaluate(
    part: 'validation' | 'test',
    sizes: readonly number[],
    weights: Float32Array,
    onIdle?: () => void,
  ): Promise<readonly PartSums[]> {
    const { broadcast } = this.#options;
    const work = this.#jobs.newNumber();
    const version = broadcast.use(weights, false);
    const job = this.#open({
      work,
      parts: sizes.length,
      sizes,
      grain: 'part',
      onIdle,
      ask: (worker, nodes) => {
        this.#traceAsked(worker, work);
        const { tensors, ...parcel } = broadcast.rest(worker, version);
        this.#send(worker, encode({ type: 'evaluate', work, part, chunks: nodes.map(({ from }) => from), ...parcel }, tensors));
      },
    });
    return this.#jobs.finish(job);
  }

  /** Ends the run: whatever is being waited for rejects with the reason. */
  fail(reason: Error): void {
    this.#jobs.fail(reason);
  }

  /** Nothing that is under way is wanted any more. */
  abandon(): void {
    this.#jobs.abandon();
  }

  /** The process of a worker that this coordinator started has ended. Says whether it was one of the fleet's. */
  processEnded(slot: number, reason: string): boolean {
    const member = this.#roster.bySlot(slot);
    if (member) this.#remove(member.incarnation, reason);
    return member !== undefined;
  }

  /**
   * Takes the answers of workers that share memory, as long as the job lasts. It sleeps until the next one, but never so
   * long that sockets, timers and signals wait.
   */
  async #takeShared(job: Job): Promise<void> {
    const { shared } = this.#options;
    shared?.call();
    // Whoever has asked for this may have something to do first.
    await undefined;
    while (shared && !shared.isEmpty && !job.isOver) {
      const answers = shared.answers(this.#jobs.isOne && shared.has(job.debtors) ? longestSleep : shortSleep);
      for (const { from, answer, gradient } of answers) this.#hear(from, () => this.#takeSharedAnswer(from, answer, gradient));
      const now = performance.now();
      if (answers.length > 0 && now - this.#lastTurn < turnInterval) continue;
      await turn();
      this.#lastTurn = performance.now();
    }
  }

  /** Tells everyone to leave and closes the socket. @param isOver the run has come to its end, and is not gone on with */
  async close(isOver: boolean): Promise<void> {
    // Whoever still waits for answers would wait for ever.
    this.#jobs.abandon();
    clearInterval(this.#probing);
    this.#reception.close();
    await this.#dismiss(isOver);
    await this.#options.hub.close();
    await this.#listening;
  }

  /** A socket that closed at once could take the word with it, so this waits until all have said that they leave. */
  async #dismiss(isOver: boolean): Promise<void> {
    if (this.#roster.all.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      setTimeout(resolve, dismissTimeout).unref();
      for (const { incarnation } of this.#roster.all) this.#send(incarnation, encode({ type: 'stop', isOver }));
    });
  }

  #send(to: Incarnation, frames: Frames): void {
    this.#options.hub.send(to, frames, () => this.#remove(to, 'the connection is lost'));
  }

  #traceAsked(worker: Incarnation, work: number): void {
    const { tracer } = this.#options;
    const member = tracer && this.#roster.get(worker);
    if (member) tracer.asked(member, work);
  }

  #open(spec: JobSpec): Job {
    const living = this.#living;
    return this.#jobs.open(spec, living, this.#pace.shares(living));
  }

  async #listen(): Promise<void> {
    const { hub, partition, halves } = this.#options;
    for await (const { from, frames } of hub.messages()) {
      if (this.#banned.has(from)) continue;
      this.#hear(from, () => this.#receive(from, decodeFromWorker(frames, partition, halves?.unpack)));
    }
  }

  /** Whoever says what makes no sense is sent away. */
  #hear(from: Incarnation, take: () => void): void {
    try {
      take();
    } catch (error) {
      if (error instanceof ProtocolError) this.#ban(from, error.message);
      else this.fail(error instanceof Error ? error : new RunError(errorMessage(error)));
    }
  }

  #receive(from: Incarnation, { message, tensors }: Decoded<FromWorker>): void {
    if (message.type === 'hello') {
      this.#welcome(from, message);
      return;
    }
    const member = this.#roster.get(from);
    if (!member) throw new ProtocolError(`sent ${message.type} before hello`);
    switch (message.type) {
      case 'measured':
        this.#reception.measured(member, message);
        return;
      case 'ready':
        this.#enlist(member, message);
        return;
      case 'gradient':
        this.#takeGradient(member, message, tensors[0]);
        return;
      case 'gradientPart':
        this.#takePart(member, this.#gradientsIn.next(from, message), tensors[0]);
        return;
      case 'evaluation':
        this.#takeEvaluation(member, message);
        return;
      case 'leaving':
        this.#remove(from, 'leaves, as it was told to');
        return;
      case 'failed':
        this.#remove(from, message.reason, true);
        return;
      default:
        message satisfies never;
    }
  }

  #welcome(from: Incarnation, hello: Message<'hello'>): void {
    if (this.#roster.get(from)) throw new ProtocolError('said hello twice');
    this.#reception.hello(from, hello);
    if (hello.slot !== undefined && this.#roster.get(from)) this.#options.shared?.clear(hello.slot);
  }

  #enlist(member: Member, ready: Message<'ready'>): void {
    if (member.ready) throw new ProtocolError('said ready twice');
    if (!this.#reception.ready(member, ready)) return;
    if (ready.sharesMemory && member.hello.slot !== undefined) this.#options.shared?.attach(member.incarnation, member.hello.slot);
    this.#jobs.workerJoined(member.incarnation);
    this.#options.events.onReady?.(member);
  }

  #takeGradient(member: Member, message: Message<'gradient'>, tensor: Float32Array | undefined): void {
    const node: TreeNode = { from: message.node[0], to: message.node[1] };
    if (!isTreeNode(node, this.#options.shards)) throw new ProtocolError(`[${node.from}, ${node.to}) is no node of the tree`);
    const isWanted = this.#jobs.find(message.work, 'tree')?.takes(member.incarnation, node, message.shards) === true;
    this.#takePart(member, this.#gradientsIn.begin(member.incarnation, { ...message, node }, isWanted), tensor);
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
    job?.computed(member.incarnation, answer.computeMs);
    this.#count(member, answer, job?.answer(member.incarnation, answer.node, answer.shards, gradient, this.#living));
    this.#followPace(member, answer.computeMs / answer.shards.length);
  }

  #takeEvaluation(member: Member, message: Message<'evaluation'>): void {
    const { chunk, sums } = message;
    const job = this.#jobs.find(message.work, 'part');
    const node = { from: chunk, to: chunk + 1 };
    this.#options.tracer?.answered(member, { kind: 'evaluation', ...message, node });
    this.#count(member, message, job?.answer(member.incarnation, node, [sums], undefined, this.#living));
  }

  #count(member: Member, { work, computeMs }: { work: number; computeMs: number }, answer: Answer | undefined): void {
    if (this.#jobs.isAbandoned(work)) return;
    if (answer?.kind === 'again') this.#notice(`${member.name} gave a loss or gradient that is not finite: it is computed once more`);
    if (answer === undefined || answer.kind === 'late') {
      this.lateAnswers++;
      return;
    }
    member.parts++;
    member.computeMs += computeMs;
    for (const faulty of answer.faulty) {
      // Alone it may have answered both times; what it says is finite now.
      if (faulty !== member.incarnation) this.#ban(faulty, 'is faulty: what it found not finite, another worker found finite');
    }
  }

  #followPace({ incarnation }: Member, msPerShard: number): void {
    const slow = this.#pace.record(incarnation, msPerShard);
    if (!slow) return;
    const name = this.#roster.get(slow.worker)?.name ?? 'a worker';
    this.#notice(`${name} is slow: ${slow.own.toFixed(1)} ms a shard, the others take ${slow.others.toFixed(1)} ms; it gets fewer shards`);
  }

  get #living(): Incarnation[] {
    return this.#roster.ready.map(({ incarnation }) => incarnation);
  }

  #notice(line: string): void {
    this.#options.events.onNotice?.(line);
  }

  #ban(peer: Incarnation, reason: string): void {
    this.#banned.add(peer);
    this.refused++;
    this.#send(peer, encode({ type: 'refuse', reason: `refused: ${reason}`.slice(0, 4_000) }));
    if (!this.#roster.get(peer)) this.#options.events.onRefused?.(`a connection (${peer.slice(0, 10)}) was refused: ${reason}`);
    this.#remove(peer, reason, true);
  }

  #remove(peer: Incarnation, reason: string, isFinal = false): void {
    this.#reception.forget(peer);
    const member = this.#roster.remove(peer);
    if (!member) return;
    if (this.#onEmpty) {
      if (this.#roster.all.length === 0) this.#onEmpty();
      return;
    }
    this.#pace.forget(peer);
    this.#gradientsIn.forget(peer);
    this.#listeners.delete(peer);
    this.#options.broadcast.forget(peer);
    this.#options.shared?.detach(peer);
    // Whatever it may still say is of no use: its work is given to others.
    this.#banned.add(peer);
    this.#jobs.workerLeft(peer, this.#living);
    this.#options.events.onLeft?.(member, reason, isFinal);
  }

  /** Sends away those who have had their time. */
  #checkDeadline(): void {
    const { verdict, debtors } = this.#jobs.checkDeadline(this.#living);
    if (verdict.kind === 'extended') this.#notice(`no worker has answered in time; waiting up to ${verdict.seconds} s`);
    if (verdict.kind !== 'missed') return;
    for (const peer of debtors) {
      const reason = `has not answered within ${verdict.seconds} s`;
      this.#send(peer, encode({ type: 'reconnect', reason }));
      this.#remove(peer, reason);
    }
  }

  #probe(): void {
    this.#checkDeadline();
    for (const { incarnation } of this.#roster.all) this.#send(incarnation, encode({ type: 'probe' }));
  }
}

/** What no value of the sum of some shards' gradients, each scaled, exceeds in magnitude: the sum of their norms. */
function boundOf(shards: readonly PartSums[], scale: number): number {
  return shards.reduce((sum, { squaredNorm }) => sum + Math.sqrt(squaredNorm) * scale, 0);
}
