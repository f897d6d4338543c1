import type { Halves } from '../../shared/numbers/half/half.js';
import { checkWanted, type DataLayout, type RawSamples, type WantedSamples } from '../../shared/protocol/dataLayout.js';
import { type Decoded, decodeFromWorker, encode, type FromWorker, type Message } from '../../shared/protocol/protocol.js';
import { errorMessage, ProtocolError, RunError } from '../../shared/text/errors.js';
import type { Frames, Hub, Incarnation } from '../../shared/transport/transport.js';
import { Assignments, type AssignmentsOptions } from '../work/assignments.js';
import type { Desk, DeskPorts, Fate } from './desk.js';
import { isAggregator, type Member, Roster, workersOf } from './roster.js';

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

export interface FleetOptions extends AssignmentsOptions {
  readonly hub: Hub;
  /** Opens the desk that lets peers in. */
  readonly desk: (roster: Roster, ports: DeskPorts) => Desk;
  readonly events: FleetEvents;
  /** How tensors go in 16 bits, if they do. */
  readonly halves?: Halves | undefined;
  /** What the data are like, and who gets samples of them for workers that lack some. */
  readonly layout: DataLayout;
  readonly samples: (wanted: WantedSamples) => Promise<RawSamples>;
}

/** Milliseconds between probes, which tell who can no longer be reached. */
const probeInterval = 1_000;
/** Requests for samples of one peer that may be open; a worker has half as many. */
const mostWanted = 8;
/** Milliseconds that workers have to say goodbye. */
const dismissTimeout = 2_000;

/** Who is connected to the coordinator, or to an aggregator: lets them in, passes on what they say, and notices who is gone. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #banned = new Set<Incarnation>();
  /** How often each peer waits for samples that it lacks. */
  readonly #wanted = new Map<Incarnation, number>();
  readonly #desk: Desk;
  readonly #probing: NodeJS.Timeout;
  readonly #listening: Promise<void>;
  /** What they are asked for. */
  readonly assignments: Assignments;
  /** Set once the run is over: called when the last worker has left. */
  #onEmpty: (() => void) | undefined;
  /** Peers that were sent away for what they said. */
  refused = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.assignments = new Assignments(options, this.#roster, {
      send: (to, frames) => this.#send(to, frames),
      hear: (from, take) => this.#hear(from, take),
      ban: (peer, reason) => this.#ban(peer, reason),
      notice: (line) => this.#notice(line),
    });
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

  /** Ends the run: whatever is being waited for rejects with the reason. */
  fail(reason: Error): void {
    this.assignments.fail(reason);
    this.#options.events.onFailed?.(reason);
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
    this.assignments.abandon();
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
        this.assignments.takeGradient(member, message, tensors[0]);
        return;
      case 'gradientPart':
        this.assignments.takeGradientPart(member, message, tensors[0]);
        return;
      case 'evaluation':
        this.assignments.takeEvaluation(member, message);
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
    checkWanted(this.#options.layout, wanted);
    const open = (this.#wanted.get(to) ?? 0) + 1;
    if (open > mostWanted) throw new ProtocolError(`wants samples ${open} times at once, ${mostWanted} are allowed`);
    this.#wanted.set(to, open);
    const give = (samples: RawSamples, reason?: string): void => {
      if (!this.#roster.get(to)) return;
      this.#wanted.set(to, (this.#wanted.get(to) ?? 1) - 1);
      this.#send(to, encode({ type: 'samples', request, ...(reason !== undefined && { reason }) }, samples));
    };
    this.#options.samples(wanted).then(give, (error: unknown) => give([], errorMessage(error).slice(0, 4_000)));
  }

  #enlist(member: Member, ready: Message<'ready'>): void {
    this.#roster.markReady(member, ready);
    if (ready.sharesMemory && member.channel !== undefined) this.#options.shared?.attach(member.incarnation, member.channel);
    this.assignments.workerJoined(member.incarnation);
    this.#options.events.onReady?.(member);
  }

  /** An aggregator without workers cannot be asked for anything. */
  #countBelow(member: Member, more: number): void {
    const before = workersOf(member);
    this.#roster.countBelow(member, more);
    if (before === 0) this.assignments.workerJoined(member.incarnation);
    else if (workersOf(member) === 0) this.assignments.cannotCompute(member.incarnation);
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
    // Whatever it may still say is of no use.
    this.#banned.add(peer);
    this.#wanted.delete(peer);
    this.assignments.workerLeft(peer);
    return member;
  }

  /** Sends away those who have had their time. */
  #checkDeadline(): void {
    const { verdict, debtors } = this.assignments.checkDeadline();
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
