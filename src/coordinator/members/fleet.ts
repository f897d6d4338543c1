import type { DataLayout, RawSamples, WantedSamples } from '../../shared/protocol/dataLayout.js';
import { type Decoded, encode, type FromWorker, type Message } from '../../shared/protocol/protocol.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Frames, Incarnation } from '../../shared/transport/transport.js';
import type { Desk, DeskPorts } from './desk.js';
import { Dismissal } from './dismissal.js';
import { Dispatch, type DispatchOptions } from './dispatch.js';
import type { Assigning, FleetEvents, Work } from './fleetPorts.js';
import { Probes } from './probes.js';
import { isAggregator, type Member, Roster, workersOf } from './roster.js';
import { SampleService } from './sampleService.js';

export interface FleetOptions<D extends Desk = Desk> extends DispatchOptions {
  /** Opens the desk that lets peers in. */
  readonly desk: (roster: Roster, ports: DeskPorts) => D;
  readonly events: FleetEvents;
  /** What the data are like, and who gets samples of them for workers that lack some. */
  readonly layout: DataLayout;
  readonly samples: (wanted: WantedSamples) => Promise<RawSamples>;
}

/** Who is connected to the coordinator, or to an aggregator: lets them in, passes on what they say, and notices who is gone. */
export class Fleet<W extends Work = Work, D extends Desk = Desk> {
  readonly roster = new Roster();
  /** What they are asked for. */
  readonly work: W;
  /** Lets them in. */
  readonly desk: D;
  readonly #options: FleetOptions<D>;
  readonly #dispatch: Dispatch;
  readonly #samples: SampleService;
  readonly #probes: Probes;
  readonly #listening: Promise<void>;
  readonly #dismissal: Dismissal;
  /** Peers that were sent away for what they said. */
  refused = 0;

  /** @param openWork gives those who are let in something to do */
  constructor(options: FleetOptions<D>, openWork: (fleet: Assigning) => W) {
    this.#options = options;
    this.work = openWork(this);
    this.#dispatch = new Dispatch(options, {
      receive: (from, said) => this.#receive(from, said),
      lost: (peer) => this.#remove(peer, 'the connection is lost'),
      refuse: (peer, reason) => this.ban(peer, reason),
      fail: (reason) => this.fail(reason),
    });
    this.#dismissal = new Dismissal(this.roster, (to, frames) => this.send(to, frames));
    this.#samples = new SampleService(options.layout, options.samples, (to, message, samples) => this.send(to, encode(message, samples)));
    this.desk = options.desk(this.roster, {
      send: (to, message) => this.send(to, encode(message)),
      ban: (peer, reason) => this.ban(peer, reason),
      release: (peer) => this.#release(peer, () => this.desk.left(peer, 'was sent elsewhere', false)),
      notice: (line) => this.notice(line),
      enlist: (member, ready) => this.#enlist(member, ready),
      enlisted: (worker) => options.events.ready?.(worker),
      lost: (worker, reason, fate) => this.#dismissal.isUnderWay || options.events.left?.(worker, reason, fate),
      aggregatorLost: (aggregator, reason, fate) => this.#dismissal.isUnderWay || options.events.aggregatorLeft?.(aggregator, reason, fate),
      countBelow: (aggregator, more) => this.#countBelow(aggregator, more),
    });
    this.#listening = this.#dispatch.listen();
    this.#probes = new Probes(this, (peer, reason) => this.#remove(peer, reason));
  }

  /** Ends the run: whatever is being waited for rejects with the reason. */
  fail(reason: Error): void {
    this.work.fail(reason);
    this.#options.events.failed?.(reason);
  }

  /** The process of a worker that this coordinator started has ended. Says whether it was one of the fleet's. */
  processEnded(slot: number, reason: string): boolean {
    const member = this.roster.bySlot(slot);
    if (!member) return false;
    if (member.via === undefined) this.#remove(member.incarnation, reason);
    else this.desk.workerEnded(member, reason);
    return true;
  }

  /**
   * Tells everyone to leave and closes the socket.
   * @param isOver the run has come to its end, and is not gone on with
   * @param goesOn others go on with it, elsewhere: who was connected is to come back to the coordinator
   */
  async close(isOver: boolean, goesOn = false): Promise<void> {
    // Whoever still waits for answers would wait for ever.
    this.work.abandon();
    this.#probes.close();
    this.desk.close();
    if (goesOn) this.#dismissal.sendBack();
    else await this.#dismissal.dismiss(isOver);
    await this.#options.hub.close();
    await this.#listening;
  }

  send(to: Incarnation, frames: Frames): void {
    this.#dispatch.send(to, frames);
  }

  /** Takes what a peer has said; one that makes no sense is sent away. */
  hear(from: Incarnation, take: () => void): void {
    this.#dispatch.hear(from, take);
  }

  #receive(from: Incarnation, { message, tensors }: Decoded<FromWorker>): void {
    if (message.type === 'hello') {
      this.#welcome(from, message);
      return;
    }
    const member = this.roster.get(from);
    if (!member) throw new ProtocolError(`sent ${message.type} before hello`);
    switch (message.type) {
      case 'measured':
        this.desk.measured(member, message);
        return;
      case 'ready':
        if (member.ready) throw new ProtocolError('said ready twice');
        this.desk.ready(member, message);
        return;
      case 'open':
      case 'joined':
      case 'left':
      case 'worked':
        this.desk.below(member, message);
        return;
      case 'wants':
        this.#samples.give(from, message);
        return;
      case 'gradient':
      case 'gradientSlice':
      case 'evaluation':
        this.work.take(member, message, tensors[0]);
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
    if (this.roster.get(from)) throw new ProtocolError('said hello twice');
    this.desk.hello(from, hello);
    const member = this.roster.get(from);
    if (member) this.work.hello(member);
  }

  #enlist(member: Member, ready: Message<'ready'>): void {
    this.roster.markReady(member, ready);
    this.work.joined(member);
    this.#options.events.ready?.(member);
  }

  /** An aggregator without workers cannot be asked for anything. */
  #countBelow(member: Member, more: number): void {
    const before = workersOf(member);
    this.roster.countBelow(member, more);
    if (before === 0) this.work.joined(member);
    else if (workersOf(member) === 0) this.work.cannotCompute(member.incarnation);
  }

  notice(line: string): void {
    this.#options.events.notice?.(line);
  }

  /** Sends a peer away for good. */
  ban(peer: Incarnation, reason: string): void {
    this.#dispatch.shut(peer);
    this.refused++;
    this.send(peer, encode({ type: 'refuse', reason: `refused: ${reason}`.slice(0, 4_000) }));
    if (!this.roster.get(peer)) this.#options.events.refused?.(`a connection (${peer.slice(0, 10)}) was refused: ${reason}`);
    this.#remove(peer, reason, true);
  }

  #remove(peer: Incarnation, reason: string, isFinal = false): void {
    const member = this.#release(peer, () => this.desk.left(peer, reason, isFinal));
    if (!member || this.#dismissal.isUnderWay) return;
    const { left, aggregatorLeft } = this.#options.events;
    (isAggregator(member) ? aggregatorLeft : left)?.(member, reason, isFinal ? 'final' : 'lost');
  }

  /** A peer is none any more: its work is given to others. @param tell is called once it is not in the roster any more */
  #release(peer: Incarnation, tell: () => void): Member | undefined {
    const member = this.roster.remove(peer);
    tell();
    this.#samples.left(peer);
    if (!member) return undefined;
    if (this.#dismissal.isUnderWay) {
      this.#dismissal.left();
      return member;
    }
    this.#dispatch.shut(peer);
    this.work.left(peer);
    return member;
  }
}
