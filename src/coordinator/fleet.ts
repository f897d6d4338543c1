import type { RawSamples } from '../shared/dataLayout.js';
import { errorMessage, ProtocolError, RunError } from '../shared/errors.js';
import type { Halves } from '../shared/half/half.js';
import type { StepAnswer } from '../shared/memory/arena.js';
import type { Partition } from '../shared/partition.js';
import { type Decoded, decodeFromWorker, encode, type FromWorker, type Message, type PartSums } from '../shared/protocol.js';
import type { Frames, Hub, Incarnation } from '../shared/transport.js';
import { isTreeNode, shardRange, type TreeNode } from '../shared/tree.js';
import type { Broadcast } from './broadcast.js';
import type { DeadlineOptions } from './deadline.js';
import type { Desk, DeskPorts, Fate } from './desk.js';
import { type Arrival, GradientsIn } from './gradientsIn.js';
import type { Answer, Job, JobSpec } from './job.js';
import { Jobs } from './jobs.js';
import { Pace } from './pace.js';
import { isAggregator, type Member, Roster, workersOf } from './roster.js';
import type { SharedWorkers } from './sharedWorkers.js';
import type { StepPlan } from './step.js';
import type { Tracer } from './tracer.js';

export interface FleetEvents {
  onReady?(member: Member): void;
  /** A worker is gone or was sent away. */
  onLeft?(member: Member, reason: string, fate: Fate): void;
  /** The same of an aggregator. Its workers are told of one by one. */
  onAggregatorLeft?(aggregator: Pick<Member, 'name' | 'hello'>, reason: string, fate: Fate): void;
  /** Someone was refused before it became a worker, or its message made no sense: one line. */
  onRefused?(line: string): void;
  /** Something that a person should know. */
  onNotice?(line: string): void;
  /** The run cannot go on. */
  onFailed?(reason: Error): void;
}

export interface FleetOptions extends DeadlineOptions {
  readonly hub: Hub;
  /** Opens the desk that lets peers in. */
  readonly desk: (roster: Roster, ports: DeskPorts) => Desk;
  /** Of all tensors. */
  readonly partition: Partition;
  readonly shards: number;
  readonly broadcast: Broadcast;
  readonly events: FleetEvents;
  /** Workers that share memory with the coordinator, where it has some to share. */
  readonly shared?: SharedWorkers | undefined;
  /** How tensors go in 16 bits, if they do. */
  readonly halves?: Halves | undefined;
  readonly tracer?: Tracer | undefined;
  /** Gets samples for workers that lack them. */
  readonly samples: (wanted: Message<'wants'>) => Promise<RawSamples>;
}

/** Milliseconds between probes, which tell who can no longer be reached. */
const probeInterval = 1_000;
/** Milliseconds that workers have to say goodbye. */
const dismissTimeout = 2_000;

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

/** The workers of one run: lets them in, gives them work, gathers their answers, and notices who is gone. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #banned = new Set<Incarnation>();
  readonly #desk: Desk;
  readonly #probing: NodeJS.Timeout;
  readonly #listening: Promise<void>;
  readonly #jobs: Jobs;
  readonly #pace = new Pace();
  readonly #gradientsIn: GradientsIn;
  /** Who is sent messages for the step that is under way. */
  readonly #listeners = new Set<Incarnation>();
  /** Set once the run is over: called when the last worker has left. */
  #onEmpty: (() => void) | undefined;
  /** Answers that came after their part had been given to another. */
  lateAnswers = 0;
  /** How gradients were asked for, by worker and step: in memory that is shared, or in messages. */
  readonly asked: { memory: number; messages: number } = { memory: 0, messages: 0 };
  /** Peers that were sent away for what they said. */
  refused = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#jobs = new Jobs(options);
    this.#desk = options.desk(this.#roster, {
      send: (to, message) => this.#send(to, encode(message)),
      ban: (peer, reason) => this.#ban(peer, reason),
      release: (peer) => this.#release(peer, () => this.#desk.left(peer, 'was sent elsewhere', false)),
      notice: (line) => this.#notice(line),
      enlist: (member, ready) => this.#enlist(member, ready),
      enlisted: (worker) => options.events.onReady?.(worker),
      lost: (worker, reason, fate) => this.#onEmpty ?? options.events.onLeft?.(worker, reason, fate),
      aggregatorLost: (aggregator, reason, fate) => this.#onEmpty ?? options.events.onAggregatorLeft?.(aggregator, reason, fate),
      countBelow: (aggregator, more) => this.#countBelow(aggregator, more),
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
        if (shared?.ask(worker, { work, step, epoch, batch, nodes }, version.values)) {
          this.asked.memory++;
          return;
        }
        this.asked.messages++;
        this.#listeners.add(worker);
        const pairs = nodes.map((node): [number, number] => [node.from, node.to]);
        const { tensors, ...parcel } = broadcast.rest(worker, version);
        this.#send(worker, encode({ type: 'step', work, step, epoch, batch, nodes: pairs, ...parcel }, tensors));
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
      ({ from, answer, gradient }) => this.#hear(from, () => this.#takeSharedAnswer(from, answer, gradient)),
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
      this.#send(worker, encode({ type: 'weights', version: version.number, part }, tensors));
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
        this.#send(worker, encode({ type: 'evaluate', work, part, samples, chunks, ...parcel }, tensors));
      },
    });
  }

  /** Ends the run: whatever is being waited for rejects with the reason. */
  fail(reason: Error): void {
    this.#jobs.fail(reason);
    this.#options.events.onFailed?.(reason);
  }

  /** Nothing that is under way is wanted any more. */
  abandon(): void {
    this.#jobs.abandon();
  }

  /** The process of a worker that this coordinator started has ended. Says whether it was one of the fleet's. */
  processEnded(slot: number, reason: string): boolean {
    const member = this.#roster.bySlot(slot);
    if (!member) return false;
    if (member.via === undefined) this.#remove(member.incarnation, reason);
    else this.#desk.workerEnded(member, reason);
    return true;
  }

  /**
   * Tells everyone to leave and closes the socket.
   * @param isOver the run has come to its end, and is not gone on with
   * @param goesOn others go on with it, elsewhere: who was connected is to come back to the coordinator
   */
  async close(isOver: boolean, goesOn = false): Promise<void> {
    // Whoever still waits for answers would wait for ever.
    this.#jobs.abandon();
    clearInterval(this.#probing);
    this.#desk.close();
    if (goesOn) this.#sendBack();
    else await this.#dismiss(isOver);
    await this.#options.hub.close();
    await this.#listening;
  }

  /** They would find out by themselves, when heartbeats fail. */
  #sendBack(): void {
    const message = encode({ type: 'reconnect', reason: 'its aggregator has lost the way to the coordinator, or leaves' });
    for (const { incarnation } of this.#roster.peers) this.#send(incarnation, message);
  }

  /** A socket that closed at once could take the word with it, so this waits until all have said that they leave. */
  async #dismiss(isOver: boolean): Promise<void> {
    if (this.#roster.peers.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      setTimeout(resolve, dismissTimeout).unref();
      for (const { incarnation } of this.#roster.peers) this.#send(incarnation, encode({ type: 'stop', isOver }));
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
    const living = this.#roster.askable;
    const paces = this.#pace.shares(this.#living);
    const shares = living.map((member, i) => workersOf(member) * (paces[i] ?? 1));
    return this.#jobs.open(spec, this.#living, shares);
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
        this.#desk.measured(member, message);
        return;
      case 'ready':
        if (member.ready) throw new ProtocolError('said ready twice');
        this.#desk.ready(member, message);
        return;
      case 'open':
      case 'joined':
      case 'left':
      case 'worked':
        this.#desk.below(member, message);
        return;
      case 'wants':
        this.#giveSamples(from, message);
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
    this.#desk.hello(from, hello);
    const channel = this.#roster.get(from)?.channel;
    if (channel !== undefined) this.#options.shared?.clear(channel);
  }

  #giveSamples(to: Incarnation, wanted: Message<'wants'>): void {
    const { request } = wanted;
    const give = (samples: RawSamples, reason?: string): void => {
      if (this.#roster.get(to)) this.#send(to, encode({ type: 'samples', request, ...(reason !== undefined && { reason }) }, samples));
    };
    this.#options.samples(wanted).then(give, (error: unknown) => {
      if (error instanceof ProtocolError) this.#ban(to, error.message);
      else give([], `samples that the worker lacks cannot be had: ${errorMessage(error)}`.slice(0, 4_000));
    });
  }

  #enlist(member: Member, ready: Message<'ready'>): void {
    this.#roster.markReady(member, ready);
    if (ready.sharesMemory && member.channel !== undefined) this.#options.shared?.attach(member.incarnation, member.channel);
    this.#jobs.workerJoined(member.incarnation);
    this.#options.events.onReady?.(member);
  }

  /** An aggregator without workers cannot be asked for anything. */
  #countBelow(member: Member, more: number): void {
    const before = workersOf(member);
    this.#roster.countBelow(member, more);
    if (before === 0) this.#jobs.workerJoined(member.incarnation);
    else if (workersOf(member) === 0) this.#jobs.workerLeft(member.incarnation, this.#living);
  }

  #takeGradient(member: Member, message: Message<'gradient'>, tensor: Float32Array | undefined): void {
    const node: TreeNode = { from: message.node[0], to: message.node[1] };
    if (!isTreeNode(node, this.#options.shards)) throw new ProtocolError(`[${node.from}, ${node.to}) is no node of the tree`);
    const isWanted = this.#jobs.find(message.work, 'tree')?.begins(member.incarnation, node, message.shards, message.computeMs) === true;
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
    const { node, shards, computeMs } = answer;
    this.#count(member, answer, job?.answer(member.incarnation, node, shards, gradient, computeMs, this.#living));
    // Those below an aggregator compute side by side.
    this.#followPace(member, (computeMs * workersOf(member)) / shards.length);
  }

  #takeEvaluation(member: Member, message: Message<'evaluation'>): void {
    const { chunk, sums } = message;
    const job = this.#jobs.find(message.work, 'part');
    const node = { from: chunk, to: chunk + 1 };
    this.#options.tracer?.answered(member, { kind: 'evaluation', ...message, node });
    this.#count(member, message, job?.answer(member.incarnation, node, [sums], undefined, message.computeMs, this.#living));
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
      if (faulty !== member.incarnation) this.#sendFaultyAway(faulty);
    }
  }

  #sendFaultyAway(peer: Incarnation): void {
    const reason = 'is faulty: what it found not finite, another worker found finite';
    const member = this.#roster.get(peer);
    // Which of those below an aggregator it was is not known, and the others are not to blame.
    if (member && isAggregator(member)) this.#notice(`a worker below ${member.name} ${reason}`);
    else this.#ban(peer, reason);
  }

  #followPace({ incarnation }: Member, msPerShard: number): void {
    const slow = this.#pace.record(incarnation, msPerShard);
    if (!slow) return;
    const name = this.#roster.get(slow.worker)?.name ?? 'a worker';
    this.#notice(`${name} is slow: ${slow.own.toFixed(1)} ms a shard, the others take ${slow.others.toFixed(1)} ms; it gets fewer shards`);
  }

  get #living(): Incarnation[] {
    return this.#roster.askable.map(({ incarnation }) => incarnation);
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
    const member = this.#release(peer, () => this.#desk.left(peer, reason, isFinal));
    if (!member || this.#onEmpty) return;
    const { onLeft, onAggregatorLeft } = this.#options.events;
    (isAggregator(member) ? onAggregatorLeft : onLeft)?.(member, reason, isFinal ? 'final' : 'lost');
  }

  /** A peer is none any more: its work is given to others. @param tell is called once it is not in the roster any more */
  #release(peer: Incarnation, tell: () => void): Member | undefined {
    const member = this.#roster.remove(peer);
    tell();
    if (!member) return undefined;
    if (this.#onEmpty) {
      if (this.#roster.peers.length === 0) this.#onEmpty();
      return member;
    }
    this.#pace.forget(peer);
    this.#gradientsIn.forget(peer);
    this.#listeners.delete(peer);
    this.#options.broadcast.forget(peer);
    this.#options.shared?.detach(peer);
    // Whatever it may still say is of no use.
    this.#banned.add(peer);
    this.#jobs.workerLeft(peer, this.#living);
    return member;
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
    for (const { incarnation } of this.#roster.peers) this.#send(incarnation, encode({ type: 'probe' }));
  }
}
