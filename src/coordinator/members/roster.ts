import type { EngineOn } from '../../shared/engine/engineFigures.js';
import type { Message } from '../../shared/protocol/protocol.js';
import type { Incarnation } from '../../shared/transport/transport.js';

export type Hello = Message<'hello'>;
export type Ready = Message<'ready'>;

/** One worker that said hello: who it is, how far it has come, and what it has done. */
export interface Member {
  readonly incarnation: Incarnation;
  readonly number: number;
  /** What people call it, e.g. `worker 0`. */
  readonly name: string;
  readonly hello: Hello;
  /** The aggregator, directly below this process, through which it computes; undefined for one that is connected itself. */
  readonly via: Incarnation | undefined;
  /** Of an aggregator: how many workers below it can compute. */
  below: number;
  /** Its channel of the memory that it may share with this process. */
  channel: number | undefined;
  /** What it is to compute with, once that is known. */
  choice: EngineOn | undefined;
  ready: Ready | undefined;
  /** Milliseconds it has computed, by its own clock. */
  computeMs: number;
  /** Parts it has answered for: shards and evaluation chunks. */
  units: number;
  /** When it became ready, in milliseconds of the coordinator's monotonic clock. */
  readyAt: number;
}

/** Milliseconds until `now` that a worker has not computed, since it was ready, or since `since` where that is later. */
export function waitedMs({ readyAt, computeMs }: Member, since: number, now: number): number {
  return Math.max(0, now - Math.max(since, readyAt) - computeMs);
}

/** Is it one that passes on what others compute, and computes nothing itself? */
export function isAggregator({ hello }: Member): boolean {
  return hello.role === 'aggregator';
}

/** How many workers compute what it is asked for. */
export function workersOf(member: Member): number {
  return isAggregator(member) ? member.below : member.ready ? 1 : 0;
}

/**
 * Who is here: the peers that are connected to this process, and the workers that compute, which are peers or below one.
 * Names are given once and never again.
 */
export class Roster {
  readonly #peers = new Map<Incarnation, Member>();
  readonly #below = new Map<Incarnation, Member>();
  readonly #past: Member[] = [];
  /** Who can compute and who can be asked to, until that changes: every step asks for it. */
  #ready: readonly Member[] | undefined;
  #askable: readonly Member[] | undefined;
  readonly #nextNumber = { worker: 0, aggregator: 0 };

  /** Someone has connected. */
  admit(incarnation: Incarnation, hello: Hello): Member {
    const member = this.#newMember(incarnation, hello, this.#numberFor(hello), undefined);
    this.#peers.set(incarnation, member);
    this.#changed();
    return member;
  }

  /**
   * A worker computes below a peer.
   * @param was what it was when it was a peer itself
   */
  admitBelow(via: Incarnation, incarnation: Incarnation, was: Pick<Member, 'number' | 'hello' | 'choice'>, ready: Ready): Member {
    const member = this.#newMember(incarnation, was.hello, was.number, via);
    member.choice = was.choice;
    this.#below.set(incarnation, member);
    this.markReady(member, ready);
    return member;
  }

  markReady(member: Member, ready: Ready): void {
    member.ready = ready;
    member.readyAt = performance.now();
    this.#changed();
  }

  /** So many workers more, or fewer, can compute below an aggregator. */
  countBelow(aggregator: Member, more: number): void {
    aggregator.below += more;
    this.#changed();
  }

  remove(incarnation: Incarnation): Member | undefined {
    const member = this.get(incarnation);
    if (!member) return undefined;
    this.#peers.delete(incarnation);
    this.#below.delete(incarnation);
    this.#changed();
    if (member.ready) this.#past.push(member);
    return member;
  }

  get(incarnation: Incarnation): Member | undefined {
    return this.#peers.get(incarnation) ?? this.#below.get(incarnation);
  }

  /** The worker that this coordinator gave the number to. */
  bySlot(slot: number): Member | undefined {
    return this.all.find(({ hello }) => hello.slot === slot);
  }

  /** Everyone that is connected, aggregators too. */
  get peers(): Member[] {
    return [...this.#peers.values()];
  }

  /** The workers that are here, ready or not. */
  get all(): Member[] {
    return [...this.#peers.values(), ...this.#below.values()].filter((member) => !isAggregator(member));
  }

  /** The workers that can compute, in the order of their numbers. */
  get ready(): readonly Member[] {
    this.#ready ??= this.all.filter(({ ready }) => ready !== undefined).sort(byNumber);
    return this.#ready;
  }

  /** The peers that can be asked for something, in a fixed order. */
  get askable(): readonly Member[] {
    this.#askable ??= this.peers.filter((member) => workersOf(member) > 0).sort(byNumber);
    return this.#askable;
  }

  /** Every worker that was ever ready, in the order of their numbers and, of those that came again, of their comings. */
  get everReady(): Member[] {
    return [...this.#past, ...this.ready].sort(byNumber);
  }

  /** The one that it was given, or had before, unless another has that by now. */
  #numberFor({ role, slot, number }: Hello): number {
    const isTaken = (wanted: number): boolean =>
      [...this.#peers.values(), ...this.#below.values()].some((other) => other.hello.role === role && other.number === wanted);
    const known = slot ?? (number === undefined || isTaken(number) ? undefined : number);
    const result = known ?? this.#nextNumber[role];
    this.#nextNumber[role] = Math.max(this.#nextNumber[role], result + 1);
    return result;
  }

  #newMember(incarnation: Incarnation, hello: Hello, number: number, via: Incarnation | undefined): Member {
    // A worker that was started here has the channel of its slot; an aggregator gives out its own.
    const channel = hello.role === 'worker' && via === undefined ? hello.slot : undefined;
    const none = { below: 0, channel, choice: undefined, ready: undefined, computeMs: 0, units: 0, readyAt: 0 };
    return { incarnation, number, name: `${hello.role} ${number}`, hello, via, ...none };
  }

  #changed(): void {
    this.#ready = undefined;
    this.#askable = undefined;
  }
}

/** Aggregators come before workers. */
function byNumber(a: Member, b: Member): number {
  return Number(isAggregator(b)) - Number(isAggregator(a)) || a.number - b.number;
}
