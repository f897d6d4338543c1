import type { EngineOn } from '../../shared/engine/engineFigures.js';
import type { Message } from '../../shared/protocol/protocol.js';
import { AwakeTimer } from '../../shared/system/awakeTimer.js';
import { ProtocolError } from '../../shared/text/errors.js';
import { isLoopback, parseAddress } from '../../shared/transport/address.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { DeskPorts, Fate, FromBelow } from './desk.js';
import { type Hello, isAggregator, type Member, type Ready, type Roster } from './roster.js';

export interface BranchesOptions {
  /** `star`: workers stay; `tree`: they go below any aggregator; `auto`: only below one on their own host. */
  readonly topology: 'auto' | 'star' | 'tree';
  /** Are aggregators on their way? Else, with `auto`, nobody waits for the first. */
  readonly expects?: boolean;
  /** Aggregators that stand below one node at most; further ones stand below those. */
  readonly fanIn: number;
  /** Milliseconds that a worker waits for an aggregator of its own host. */
  readonly patience?: number;
}

/** An aggregator in the tree. */
interface Branch {
  readonly hello: Hello;
  /** The peer through which it is reached: itself, or one that it is below. */
  readonly via: Incarnation;
  readonly name: string;
  /** The aggregator that it is below. */
  readonly above: Branch | undefined;
  /** Where others reach it, once it lets them in. */
  listens: readonly string[] | undefined;
  /** Those that were sent to it or compute below it. */
  readonly tickets: Set<number>;
}

/** Someone was sent to a branch. */
interface Ticket {
  readonly branch: Branch;
  readonly number: number;
  readonly hello: Hello;
  /** What it is to compute with, where that is known. */
  readonly choice: EngineOn | undefined;
  readonly sentAt: number;
  /** What it has become there: a worker that computes, or a branch. */
  worker: Member | undefined;
  own: Branch | undefined;
}

/** A start of a process is behind whoever waits this long. */
const defaultPatience = 5_000;
/** Milliseconds after which one who was sent to a branch and has not got ready there is forgotten. */
const longestWay = 3_600_000;
/** Moves in a row that led nowhere, after which a peer stays: its way may be closed. */
const mostMisses = 4;

/**
 * The tree in which a run's workers are arranged: who is below which aggregator. A worker goes to one on its own host, by
 * the host's name, or where it is to have one to that which has the fewest; aggregators stand below each other where there
 * are many.
 */
export class Branches {
  readonly #options: BranchesOptions;
  readonly #roster: Roster;
  readonly #ports: DeskPorts;
  /** By peer, those that are connected themselves. */
  readonly #peers = new Map<Incarnation, Branch>();
  readonly #tickets = new Map<number, Ticket>();
  /** Peers that wait for a branch, and for how long. */
  readonly #waiting = new Map<Incarnation, AwakeTimer>();
  #nextTicket = 0;
  #hasSaidNone = false;
  #isClosed = false;

  constructor(options: BranchesOptions, roster: Roster, ports: DeskPorts) {
    this.#options = options;
    this.#roster = roster;
    this.#ports = ports;
  }

  /** Finds a peer its place: sends it to a branch, or has it stay, now or once it has waited for one. */
  place(member: Member, stay: () => void): void {
    const { topology, expects = false, patience = defaultPatience } = this.#options;
    const isWorker = !isAggregator(member);
    if (isWorker && (topology === 'star' || (topology === 'auto' && !expects && this.#all().length === 0))) {
      stay();
      return;
    }
    if ((member.hello.misses ?? 0) >= mostMisses) {
      const { host, pid } = member.hello;
      this.#ports.notice(`${member.name} (pid ${pid} on ${host}) reaches no aggregator that it is sent to: it stays with the coordinator`);
      if (isWorker) stay();
      else this.#stay(member, stay);
      return;
    }
    if (this.#sendOn(member)) return;
    if (!isWorker && this.#peers.size < this.#options.fanIn) {
      this.#stay(member, stay);
      return;
    }
    const giveUp = (): void => {
      this.#waiting.delete(member.incarnation);
      const other = isWorker && topology === 'tree' ? leastLoaded(this.#all().filter(isOpen)) : undefined;
      if (other) this.#send(member, other);
      else this.#stay(member, stay);
    };
    this.#waiting.set(member.incarnation, new AwakeTimer(giveUp, patience));
  }

  /** Sends a worker to its host's branch, and an aggregator down where there are enough at the top. Says false where there is none. */
  #sendOn(member: Member): boolean {
    const isFull = this.#peers.size >= this.#options.fanIn;
    const above = isAggregator(member)
      ? isFull && this.#shallowest([...this.#peers.values()].filter(isOpen))
      : leastLoaded(this.#all().filter((branch) => isOpen(branch) && branch.hello.host === member.hello.host));
    if (above) this.#send(member, above);
    return Boolean(above);
  }

  #stay(member: Member, stay: () => void): void {
    const { incarnation, hello, name } = member;
    if (isAggregator(member))
      this.#peers.set(incarnation, { hello, via: incarnation, name, above: undefined, listens: undefined, tickets: new Set() });
    else if (!this.#hasSaidNone && this.#all().length === 0) {
      this.#ports.notice('no aggregator has come (bpnn-dist aggregator --connect ADDRESS): workers stay with the coordinator');
      this.#hasSaidNone = true;
    }
    stay();
  }

  /**
   * An aggregator says something of itself or of those below it.
   * @param admits what keeps a worker from computing with the others, in words, if anything does
   * @throws ProtocolError where it speaks of what it has nothing to do with
   */
  below(member: Member, message: FromBelow, admits: (worker: { hello: Hello; name: string }, ready: Ready) => string | undefined): void {
    if (!isAggregator(member)) throw new ProtocolError(`sent ${message.type}, and is no aggregator`);
    switch (message.type) {
      case 'open':
        this.#open(member, message);
        return;
      case 'joined':
        this.#joined(member, message, admits);
        return;
      case 'left': {
        const ticket = this.#ticketOf(member, message.ticket);
        if (ticket) this.#drop(message.ticket, ticket, message.reason, message.isFinal ? 'final' : 'lost');
        return;
      }
      case 'worked':
        for (const [number, parts, computeMs] of message.workers) {
          const worker = this.#ticketOf(member, number)?.worker;
          if (!worker) continue;
          worker.parts = parts;
          worker.computeMs = computeMs;
        }
        return;
      default:
        message satisfies never;
    }
  }

  /** A worker below is known to be gone before its aggregator says so. */
  workerEnded(worker: Member, reason: string): void {
    for (const [number, ticket] of this.#tickets) if (ticket.worker === worker) this.#drop(number, ticket, reason, 'lost');
  }

  /** A peer is gone, and with it all that is below it, which comes back. */
  left(peer: Incarnation): void {
    this.#stopWaiting(peer);
    const branch = this.#peers.get(peer);
    if (!branch || this.#isClosed) return;
    this.#peers.delete(peer);
    this.#dropBelow(branch, `its ${branch.name} is gone`);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#waiting.values()) timer.clear();
    this.#waiting.clear();
  }

  #open(member: Member, { ticket: number, listens }: Message<'open'>): void {
    const branch = number === undefined ? this.#peers.get(member.incarnation) : this.#ownBranch(member, number);
    if (!branch || isOpen(branch)) return;
    branch.listens = listens;
    const { host, pid } = branch.hello;
    const where = branch.above ? `, below ${branch.above.name}` : '';
    this.#ports.notice(`${branch.name} lets workers in (pid ${pid} on ${host}${where})`);
    for (const peer of [...this.#waiting.keys()]) {
      const waiting = this.#roster.get(peer);
      if (waiting && this.#sendOn(waiting)) this.#stopWaiting(peer);
    }
  }

  #ownBranch(member: Member, number: number): Branch | undefined {
    const ticket = this.#ticketOf(member, number);
    if (ticket?.hello.role !== 'aggregator') return undefined;
    ticket.own ??= {
      ...{ hello: ticket.hello, via: member.incarnation, name: `aggregator ${ticket.number}`, above: ticket.branch },
      ...{ listens: undefined, tickets: new Set<number>() },
    };
    return ticket.own;
  }

  #joined(
    member: Member,
    { ticket: number, hello, ready }: Message<'joined'>,
    admits: (worker: { hello: Hello; name: string }, ready: Ready) => string | undefined,
  ): void {
    const ticket = this.#ticketOf(member, number);
    if (!ticket || ticket.worker || ticket.hello.role !== 'worker') {
      // It may have it from a coordinator before this one, or have taken too long.
      this.#ports.send(member.incarnation, {
        type: 'dismiss',
        ticket: number,
        reason: 'it was not sent there, or long ago',
        isFinal: false,
      });
      return;
    }
    const name = `worker ${ticket.number}`;
    const reason = admits({ hello, name }, ready);
    if (reason !== undefined) {
      this.#forget(number, ticket);
      this.#ports.send(member.incarnation, { type: 'dismiss', ticket: number, reason: reason.slice(0, 4_000), isFinal: true });
      this.#ports.notice(`${name} (pid ${hello.pid} on ${hello.host}) ${reason}`);
      return;
    }
    ticket.worker = this.#roster.admitBelow(member.incarnation, nameOf(number), ticket, ready);
    this.#ports.send(member.incarnation, { type: 'admit', ticket: number });
    this.#ports.countBelow(member, 1);
    this.#ports.enlisted(ticket.worker);
  }

  /** The peer leaves for a branch. */
  #send({ incarnation, hello, number, choice }: Member, branch: Branch): void {
    const ticket = this.#nextTicket++;
    const now = performance.now();
    for (const [old, sent] of this.#tickets) if (!sent.worker && !sent.own && now - sent.sentAt > longestWay) this.#forget(old, sent);
    this.#tickets.set(ticket, { branch, number, hello, choice, sentAt: now, worker: undefined, own: undefined });
    branch.tickets.add(ticket);
    // What only one machine reaches is of no use to another.
    const addresses = (branch.listens ?? []).filter((address) => hello.host === branch.hello.host || !isLoopback(parseAddress(address)));
    this.#ports.send(incarnation, { type: 'move', addresses, number, ticket });
    this.#ports.release(incarnation);
  }

  /** Who was sent below this peer by a ticket; undefined for one that is forgotten, or another's: aggregators pass on what they hear. */
  #ticketOf(member: Member, number: number): Ticket | undefined {
    const ticket = this.#tickets.get(number);
    return ticket?.branch.via === member.incarnation ? ticket : undefined;
  }

  #drop(number: number, ticket: Ticket, reason: string, fate: Fate): void {
    this.#forget(number, ticket);
    const { worker, own } = ticket;
    if (own) {
      this.#ports.aggregatorLost(own, reason, fate);
      this.#dropBelow(own, `its ${own.name} is gone`);
    }
    if (!worker) return;
    this.#roster.remove(worker.incarnation);
    const peer = this.#roster.get(ticket.branch.via);
    if (peer) this.#ports.countBelow(peer, -1);
    this.#ports.lost(worker, reason, fate);
  }

  #dropBelow({ tickets }: Branch, reason: string): void {
    for (const number of tickets) {
      const ticket = this.#tickets.get(number);
      if (ticket) this.#drop(number, ticket, reason, 'comesBack');
    }
  }

  #forget(number: number, { branch }: Ticket): void {
    this.#tickets.delete(number);
    branch.tickets.delete(number);
  }

  #all(): Branch[] {
    return [...this.#peers.values(), ...[...this.#tickets.values()].flatMap(({ own }) => own ?? [])];
  }

  /** Level by level, the first branch that has room for another below it. */
  #shallowest(level: readonly Branch[]): Branch | undefined {
    if (level.length === 0) return undefined;
    const below = (branch: Branch): Ticket[] =>
      [...branch.tickets].flatMap((number) => this.#tickets.get(number) ?? []).filter(({ hello }) => hello.role === 'aggregator');
    const [first] = [...level].sort((a, b) => below(a).length - below(b).length);
    if (first && below(first).length < this.#options.fanIn) return first;
    return this.#shallowest(level.flatMap(below).flatMap(({ own }) => (own && isOpen(own) ? own : [])));
  }

  #stopWaiting(peer: Incarnation): void {
    this.#waiting.get(peer)?.clear();
    this.#waiting.delete(peer);
  }
}

function isOpen({ listens }: Branch): boolean {
  return listens !== undefined;
}

function leastLoaded(branches: readonly Branch[]): Branch | undefined {
  return [...branches].sort((a, b) => a.tickets.size - b.tickets.size)[0];
}

/** What a worker below an aggregator goes by in the roster. */
function nameOf(ticket: number): Incarnation {
  return `ticket ${ticket}`;
}
