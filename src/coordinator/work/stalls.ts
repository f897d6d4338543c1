import { median } from '../../shared/numbers/median.js';
import type { Incarnation } from '../../shared/transport/transport.js';

/**
 * How long workers stand still, by the coordinator's clock. One that is paused again and again (by a control group's quota,
 * a hypervisor, SIGSTOP) computes as fast as the others by its own: it is not measuring while it does not run.
 */

/** Milliseconds after which it is judged who has stood still. */
const period = 5_000;
/** Answers within them before a worker is judged. */
const leastAnswers = 16;
/** Answers that a worker's usual time is the median of. */
const recent = 64;
/** What takes longer than so many times the usual, and so many milliseconds more, is a stall. */
const stallFactor = 3;
const leastStall = 20;
/** A worker that stands still for this part of the time, and so many times as long as the median of the others, is slow. */
const slowPart = 1 / 3;
const slowFactor = 2;

export interface Stalled {
  /** Milliseconds a shard, as means: its own, and the others' median. */
  readonly own: number;
  readonly others: number;
  /** The part of the time in which it did not stand still. */
  readonly awake: number;
}

interface Watched {
  /** When it was asked, or has last answered. */
  since: number;
  readonly times: number[];
  answers: number;
  /** Median of these times, worked out now and then; Infinity before there are enough. */
  usual: number;
  /** Since the period began: milliseconds that it stood still, milliseconds for its answers, and their shards. */
  still: number;
  taken: number;
  shards: number;
  inPeriod: number;
  /** When the period began. */
  began: number;
  /** Of the last whole period: the part of the time that it stood still, and milliseconds a shard. */
  last: { readonly part: number; readonly msPerShard: number } | undefined;
}

export class Stalls {
  readonly #watched = new Map<Incarnation, Watched>();

  /** @param at milliseconds of the coordinator's clock, as everywhere here */
  asked(worker: Incarnation, at: number): void {
    const known = this.#watched.get(worker);
    if (known) known.since = at;
    else {
      const none = { times: [], answers: 0, usual: Number.POSITIVE_INFINITY, still: 0, taken: 0, shards: 0, inPeriod: 0, last: undefined };
      this.#watched.set(worker, { ...none, since: at, began: at });
    }
  }

  /** A worker has answered for so many shards. Returns how slow it is, where a period ends in which it stood still. */
  answered(worker: Incarnation, shards: number, at: number): Stalled | undefined {
    const known = this.#watched.get(worker);
    if (!known) return undefined;
    const time = at - known.since;
    known.since = at;
    if (time > stallFactor * known.usual && time - known.usual > leastStall) known.still += time - known.usual;
    known.times[known.answers++ % recent] = time;
    if (known.answers === leastAnswers || known.answers % recent === 0) known.usual = median(known.times);
    known.taken += time;
    known.shards += shards;
    known.inPeriod++;
    if (at - known.began < period || known.inPeriod < leastAnswers) return undefined;
    return this.#judge(worker, known, at);
  }

  forget(worker: Incarnation): void {
    this.#watched.delete(worker);
  }

  #judge(worker: Incarnation, known: Watched, at: number): Stalled | undefined {
    const own = { part: Math.min(1, known.still / (at - known.began)), msPerShard: known.taken / known.shards };
    Object.assign(known, { last: own, still: 0, taken: 0, shards: 0, inPeriod: 0, began: at });
    const others = [...this.#watched].flatMap(([other, { last }]) => (other === worker || !last ? [] : [last]));
    const part = median(others.map((other) => other.part));
    if (!(own.part > slowPart && own.part > slowFactor * part)) return undefined;
    return { own: own.msPerShard, others: median(others.map(({ msPerShard }) => msPerShard)), awake: 1 - own.part };
  }
}
