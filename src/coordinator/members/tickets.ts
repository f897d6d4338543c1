import type { EngineOn } from '../../shared/engine/engineFigures.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { Hello, Member } from './roster.js';

/** An aggregator in the tree. */
export interface Branch {
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
export interface Ticket {
  /** What names it. */
  readonly number: number;
  readonly branch: Branch;
  /** Number of the member that it is. */
  readonly member: number;
  readonly hello: Hello;
  /** What it is to compute with, where that is known. */
  readonly choice: EngineOn | undefined;
  readonly sentAt: number;
  /** What it has become there: a worker that computes, or a branch. */
  worker: Member | undefined;
  own: Branch | undefined;
}

/** Milliseconds after which one who was sent to a branch and has not got ready there is forgotten. */
const longestWay = 3_600_000;

export function newBranch(hello: Hello, via: Incarnation, name: string, above: Branch | undefined): Branch {
  return { hello, via, name, above, listens: undefined, tickets: new Set() };
}

/** Does it let others in? */
export function isOpen({ listens }: Branch): boolean {
  return listens !== undefined;
}

/** The tree as it stands: who was sent to which aggregator, and what has become of them there. */
export class Tickets {
  /** Aggregators that are connected themselves. */
  readonly peers = new Map<Incarnation, Branch>();
  readonly #tickets = new Map<number, Ticket>();
  #next = 0;

  /** Every aggregator of the tree. */
  get all(): Branch[] {
    return [...this.peers.values(), ...[...this.#tickets.values()].flatMap(({ own }) => own ?? [])];
  }

  /** Someone is sent to a branch. Returns what names it there. @param now milliseconds of the monotonic clock */
  issue({ hello, number: member, choice }: Member, branch: Branch, now: number): number {
    const number = this.#next++;
    for (const old of this.#tickets.values()) if (!old.worker && !old.own && now - old.sentAt > longestWay) this.forget(old);
    this.#tickets.set(number, { number, branch, member, hello, choice, sentAt: now, worker: undefined, own: undefined });
    branch.tickets.add(number);
    return number;
  }

  /** Who was sent below this peer by a ticket; undefined for one that is forgotten, or another's: aggregators pass on what they hear. */
  find(via: Incarnation, number: number): Ticket | undefined {
    const ticket = this.#tickets.get(number);
    return ticket?.branch.via === via ? ticket : undefined;
  }

  ofWorker(worker: Member): Ticket | undefined {
    return [...this.#tickets.values()].find((ticket) => ticket.worker === worker);
  }

  /** The branch that an aggregator has become which was sent below this peer. */
  own(via: Incarnation, number: number): Branch | undefined {
    const ticket = this.find(via, number);
    if (ticket?.hello.role !== 'aggregator') return undefined;
    ticket.own ??= newBranch(ticket.hello, via, `aggregator ${ticket.member}`, ticket.branch);
    return ticket.own;
  }

  /** Those that were sent to a branch or compute below it. */
  below({ tickets }: Branch): Ticket[] {
    return [...tickets].flatMap((number) => this.#tickets.get(number) ?? []);
  }

  forget({ number, branch }: Ticket): void {
    this.#tickets.delete(number);
    branch.tickets.delete(number);
  }

  /** The open branch that has the fewest below it. @param host on which it is, if that matters */
  leastLoaded(host?: string): Branch | undefined {
    const open = this.all.filter((branch) => isOpen(branch) && (host === undefined || branch.hello.host === host));
    return open.sort((a, b) => a.tickets.size - b.tickets.size)[0];
  }

  /** Level by level, the first open branch that has room for another below it. */
  shallowest(fanIn: number, level = [...this.peers.values()].filter(isOpen)): Branch | undefined {
    if (level.length === 0) return undefined;
    const below = (branch: Branch): Ticket[] => this.below(branch).filter(({ hello }) => hello.role === 'aggregator');
    const [first] = [...level].sort((a, b) => below(a).length - below(b).length);
    if (first && below(first).length < fanIn) return first;
    const next = level.flatMap(below).flatMap(({ own }) => (own && isOpen(own) ? own : []));
    return this.shallowest(fanIn, next);
  }
}
