import type { EngineOn } from '../shared/engineChoice.js';
import type { Message } from '../shared/protocol.js';
import type { Incarnation } from '../shared/transport.js';

export type Hello = Message<'hello'>;
export type Ready = Message<'ready'>;

/** One worker that said hello: who it is, how far it has come, and what it has done. */
export interface Member {
  readonly incarnation: Incarnation;
  readonly number: number;
  /** What people call it, e.g. `worker 0`. */
  readonly name: string;
  readonly hello: Hello;
  /** What it is to compute with, once that is known. */
  choice: EngineOn | undefined;
  ready: Ready | undefined;
  /** Milliseconds it has computed, by its own clock. */
  computeMs: number;
  /** Parts it has answered for: shards and evaluation chunks. */
  parts: number;
  /** When it became ready, in milliseconds of the coordinator's monotonic clock. */
  readyAt: number;
}

/** Milliseconds until `now` that a worker has not computed, since it was ready, or since `since` where that is later. */
export function waitedMs({ readyAt, computeMs }: Member, since: number, now: number): number {
  return Math.max(0, now - Math.max(since, readyAt) - computeMs);
}

/** Who is here. Names are given once and never again. */
export class Roster {
  readonly #members = new Map<Incarnation, Member>();
  readonly #past: Member[] = [];
  /** Who can compute, until that changes: every step asks for it. */
  #ready: readonly Member[] | undefined;
  #nextName = 0;

  /** @param slot the number that the coordinator gave a worker it started itself */
  admit(incarnation: Incarnation, hello: Hello): Member {
    const number = hello.slot ?? this.#nextName;
    this.#nextName = Math.max(this.#nextName, number) + 1;
    const none = { choice: undefined, ready: undefined, computeMs: 0, parts: 0, readyAt: 0 };
    const member: Member = { incarnation, number, name: `worker ${number}`, hello, ...none };
    this.#members.set(incarnation, member);
    return member;
  }

  markReady(member: Member, ready: Ready): void {
    this.#ready = undefined;
    member.ready = ready;
    member.readyAt = performance.now();
  }

  remove(incarnation: Incarnation): Member | undefined {
    const member = this.#members.get(incarnation);
    if (!member) return undefined;
    this.#ready = undefined;
    this.#members.delete(incarnation);
    if (member.ready) this.#past.push(member);
    return member;
  }

  get(incarnation: Incarnation): Member | undefined {
    return this.#members.get(incarnation);
  }

  bySlot(slot: number): Member | undefined {
    return [...this.#members.values()].find(({ hello }) => hello.slot === slot);
  }

  /** Everyone that is connected. */
  get all(): Member[] {
    return [...this.#members.values()];
  }

  /** Everyone that can compute, in the order of their numbers. */
  get ready(): readonly Member[] {
    this.#ready ??= this.all.filter(({ ready }) => ready !== undefined).sort((a, b) => a.number - b.number);
    return this.#ready;
  }

  /** Everyone that was ever ready, in the order of their numbers and, of those that came again, of their comings. */
  get veterans(): Member[] {
    return [...this.#past, ...this.ready].sort((a, b) => a.number - b.number);
  }
}
