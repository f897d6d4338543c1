import { hostname } from 'node:os';
import type { Desk, DeskPorts, FromBelow } from '../coordinator/members/desk.js';
import { isAggregator, type Member, type Ready, type Roster } from '../coordinator/members/roster.js';
import { versionDifference } from '../coordinator/members/sameBits.js';
import type { FromWorker, Message } from '../shared/protocol/protocol.js';
import { AwakeTimer } from '../shared/system/awakeTimer.js';
import { ProtocolError } from '../shared/text/errors.js';
import type { Incarnation } from '../shared/transport/transport.js';
import type { SharedMemory } from '../step/memory/sharedMemory.js';
import { Channels } from './channels.js';

export interface RelayOptions {
  readonly version: string;
  /** What the aggregator was told itself. */
  readonly configure: Message<'configure'>;
  /** Memory that workers of this machine may share, and its channels. */
  readonly shared: { readonly memory: SharedMemory; readonly channels: number } | undefined;
  /** Seconds that a worker may take to get ready. */
  readonly prepareTimeout: number;
  /** To the coordinator, or the aggregator above. */
  readonly sendUp: (message: FromWorker) => void;
}

/** Milliseconds between two reports of what the workers have done. */
const reportInterval = 1_000;

/**
 * The desk of an aggregator: whoever the coordinator has sent to it is told to get ready, and the coordinator, which decides
 * alone, whether it computes.
 */
export class Relay implements Desk {
  readonly #options: RelayOptions;
  readonly #roster: Roster;
  readonly #ports: DeskPorts;
  readonly #preparing = new Map<Incarnation, AwakeTimer>();
  readonly #tickets = new Map<Incarnation, number>();
  /** Workers that are ready and wait for the coordinator's word. */
  readonly #waiting = new Map<number, { readonly member: Member; readonly ready: Ready }>();
  /** Of who is below an aggregator that is connected here: which. */
  readonly #routes = new Map<number, Member>();
  /** Those that compute below an aggregator that is connected here. */
  readonly #computing = new Set<number>();
  readonly #channels: Channels;
  readonly #reporting: NodeJS.Timeout;

  constructor(options: RelayOptions, roster: Roster, ports: DeskPorts) {
    this.#options = options;
    this.#channels = new Channels(options.shared?.channels ?? 0);
    this.#roster = roster;
    this.#ports = ports;
    this.#reporting = setInterval(() => this.report(), reportInterval).unref();
  }

  hello(from: Incarnation, hello: Message<'hello'>): void {
    const { version, configure, prepareTimeout, shared } = this.#options;
    const otherVersion = versionDifference(hello, version);
    if (otherVersion !== undefined) {
      this.#ports.ban(from, otherVersion);
      return;
    }
    if ([...this.#tickets.values()].includes(hello.ticket ?? -1)) {
      this.#ports.send(from, { type: 'reconnect', reason: 'another has its ticket' });
      return;
    }
    if (hello.ticket === undefined) {
      this.#ports.ban(from, 'this is an aggregator: connect to the coordinator, which says who computes for whom');
      return;
    }
    const member = this.#roster.admit(from, hello);
    this.#tickets.set(from, hello.ticket);
    // A name proves nothing: whether it is this machine, who is offered the memory finds out.
    const maySee = shared && !isAggregator(member) && hello.host === hostname();
    member.channel = maySee ? this.#channels.for(member) : undefined;
    const tooSlow = (): void => this.#ports.ban(from, `did not get ready within ${prepareTimeout} s`);
    this.#preparing.set(from, new AwakeTimer(tooSlow, prepareTimeout * 1_000));
    const { memory: _, ...told } = configure;
    const offer = shared && member.channel !== undefined && { ...shared.memory.place, channel: member.channel, channels: shared.channels };
    this.#ports.send(from, { ...told, level: configure.level + 1, ...(offer && { memory: offer }) });
  }

  measured(): void {
    throw new ProtocolError('measured what it was not asked for');
  }

  ready(member: Member, ready: Ready): void {
    const { ticket } = member.hello;
    if (ticket === undefined || isAggregator(member) || this.#waiting.has(ticket))
      throw new ProtocolError('said ready when it was not expected');
    this.#stopTimer(member.incarnation);
    this.#waiting.set(ticket, { member, ready });
    this.#options.sendUp({ type: 'joined', ticket, hello: member.hello, ready });
  }

  /** The coordinator lets a worker compute. */
  admit(ticket: number): void {
    const waiting = this.#waiting.get(ticket);
    const route = this.#routes.get(ticket);
    if (waiting) {
      this.#waiting.delete(ticket);
      this.#ports.enlist(waiting.member, waiting.ready);
    } else if (route && !this.#computing.has(ticket)) {
      this.#computing.add(ticket);
      this.#ports.send(route.incarnation, { type: 'admit', ticket });
      this.#ports.countBelow(route, 1);
    }
  }

  /** The coordinator does not. */
  dismiss({ ticket, reason, isFinal }: Message<'dismiss'>): void {
    const waiting = this.#waiting.get(ticket);
    const route = this.#routes.get(ticket);
    if (route) this.#ports.send(route.incarnation, { type: 'dismiss', ticket, reason, isFinal });
    if (!waiting) return;
    const { incarnation } = waiting.member;
    if (isFinal) this.#ports.ban(incarnation, reason);
    else {
      this.#ports.send(incarnation, { type: 'reconnect', reason });
      this.#ports.release(incarnation);
    }
  }

  below(aggregator: Member, message: FromBelow): void {
    const { ticket: own } = aggregator.hello;
    if (!isAggregator(aggregator) || own === undefined) throw new ProtocolError(`sent ${message.type}, and is no aggregator`);
    const { sendUp } = this.#options;
    switch (message.type) {
      case 'open':
        this.#stopTimer(aggregator.incarnation);
        if (message.ticket !== undefined) this.#routes.set(message.ticket, aggregator);
        sendUp({ ...message, ticket: message.ticket ?? own });
        return;
      case 'joined':
        this.#routes.set(message.ticket, aggregator);
        sendUp(message);
        return;
      case 'left':
        this.#lose(message.ticket);
        sendUp(message);
        return;
      case 'worked':
        sendUp(message);
        return;
      default:
        message satisfies never;
    }
  }

  workerEnded(): void {
    // What has a process below an aggregator is the coordinator.
  }

  left(peer: Incarnation, reason: string, isFinal: boolean): void {
    this.#stopTimer(peer);
    for (const [ticket, route] of this.#routes) if (route.incarnation === peer) this.#lose(ticket);
    for (const [ticket, { member }] of this.#waiting) if (member.incarnation === peer) this.#waiting.delete(ticket);
    const ticket = this.#tickets.get(peer);
    this.#tickets.delete(peer);
    if (ticket !== undefined) this.#options.sendUp({ type: 'left', ticket, reason: reason.slice(0, 4_000), isFinal });
  }

  /** Tells the coordinator what the workers that are connected here have done. */
  report(): void {
    const workers = this.#roster.ready.flatMap(({ hello, units, computeMs }): [number, number, number][] =>
      hello.ticket === undefined ? [] : [[hello.ticket, units, computeMs]],
    );
    if (workers.length > 0) this.#options.sendUp({ type: 'worked', workers });
  }

  close(): void {
    this.report();
    clearInterval(this.#reporting);
    for (const timer of this.#preparing.values()) timer.clear();
  }

  #lose(ticket: number): void {
    const route = this.#routes.get(ticket);
    this.#routes.delete(ticket);
    if (this.#computing.delete(ticket) && route && this.#roster.get(route.incarnation)) this.#ports.countBelow(route, -1);
  }

  #stopTimer(peer: Incarnation): void {
    this.#preparing.get(peer)?.clear();
    this.#preparing.delete(peer);
  }
}
