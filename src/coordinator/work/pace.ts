import { median } from '../../shared/numbers/median.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import { Stalls } from './stalls.js';

/** Answers before a worker's pace is believed: the first ones warm up. */
const trial = 100;
/** Answers that its pace is the median of. */
const recent = 32;
/** A worker that takes so many times as long as the median of the others is slow. */
const slowFactor = 2;
/** Differences of less than so many milliseconds are noise. */
const noise = 2;
/** However slow, it gets so much of what the others get. */
const leastShare = 0.02;

export interface SlowWorker {
  readonly worker: Incarnation;
  /** Milliseconds a shard: its own, and the others' median. */
  readonly own: number;
  readonly others: number;
}

/** How fast the workers of a run are: the slow ones are named, and get less to do. */
export class Pace {
  readonly #answers = new Map<Incarnation, { readonly times: number[]; count: number }>();
  readonly #slow = new Map<Incarnation, number>();
  readonly #stalls = new Stalls();

  /** @param at milliseconds of the coordinator's clock */
  asked(worker: Incarnation, at: number): void {
    this.#stalls.asked(worker, at);
  }

  /**
   * A worker has answered.
   * @param computeMs time that it computed, by its own clock
   * @param shards that it answered for; of those who compute side by side below an aggregator, each one's part
   * @param at as for `asked`
   * @returns the worker, the first time that it turns out to be slow
   */
  record(worker: Incarnation, computeMs: number, shards: number, at: number): SlowWorker | undefined {
    return this.#recordStalls(worker, shards, at) ?? this.#recordTime(worker, computeMs / shards);
  }

  /** By the coordinator's clock. */
  #recordStalls(worker: Incarnation, shards: number, at: number): SlowWorker | undefined {
    const stalled = this.#stalls.answered(worker, shards, at);
    if (!stalled || this.#slow.has(worker)) return undefined;
    const { own, others, awake } = stalled;
    this.#slow.set(worker, Math.max(leastShare, awake));
    return { worker, own, others };
  }

  /** By the worker's own clock. */
  #recordTime(worker: Incarnation, msPerShard: number): SlowWorker | undefined {
    const known = this.#answers.get(worker) ?? { times: [], count: 0 };
    this.#answers.set(worker, known);
    known.times[known.count++ % recent] = msPerShard;
    if (known.count % recent !== 0 || known.count < trial || this.#slow.has(worker)) return undefined;
    const own = median(known.times);
    const others = median([...this.#answers].filter(([other]) => other !== worker).map(([, { times }]) => median(times)));
    if (!(own > slowFactor * others && own - others > noise)) return undefined;
    this.#slow.set(worker, Math.max(leastShare, others / own));
    return { worker, own, others };
  }

  forget(worker: Incarnation): void {
    this.#answers.delete(worker);
    this.#stalls.forget(worker);
    this.#slow.delete(worker);
  }

  /** What share of the work each should get, relative to the others. */
  shares(workers: readonly Incarnation[]): number[] {
    return workers.map((worker) => this.#slow.get(worker) ?? 1);
  }
}
