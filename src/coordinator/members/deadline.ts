/** When a worker that has not answered counts as hung. */

export interface DeadlineOptions {
  /** Seconds, where the user gave them. */
  readonly stepTimeout: number | undefined;
  /**
   * How far the coordinator is, 0 for itself: an aggregator waits half as long for those below it as others wait for it,
   * so that one who hangs does not take it along.
   */
  readonly level?: number | undefined;
}

/** Seconds that a step may take at least, whatever the others took. */
const leastSeconds = 30;
/** A step may take so many times the median of the others. */
const medians = 20;
/** How often the limit is doubled in a row when every worker misses it. */
const maxDoublings = 3;

export type Verdict =
  | { readonly kind: 'wait' }
  /** Every worker missed the limit, which is doubled: the machine may be slow, or the step large. */
  | { readonly kind: 'extended'; readonly seconds: number }
  /** Those who still owe something count as dead. */
  | { readonly kind: 'missed'; readonly seconds: number };

/** Follows how long work takes, and says when those who have not answered have had their time. */
export class Deadline {
  readonly #stepTimeout: number | undefined;
  readonly #share: number;
  readonly #recent: number[] = [];
  #doublings = 0;

  constructor({ stepTimeout, level = 0 }: DeadlineOptions) {
    this.#stepTimeout = stepTimeout;
    this.#share = 2 ** -level;
  }

  /** Work is done; `seconds` is what it took. */
  finished(seconds: number): void {
    this.#doublings = 0;
    this.#recent.push(seconds);
    if (this.#recent.length > 64) this.#recent.shift();
  }

  /** @param isAnyoneDone has a worker done all it was asked? */
  check(seconds: number, isAnyoneDone: boolean): Verdict {
    const limit = this.#limit() * this.#share * 2 ** this.#doublings;
    if (seconds < limit) return { kind: 'wait' };
    if (isAnyoneDone || this.#doublings >= maxDoublings) return { kind: 'missed', seconds: limit };
    this.#doublings++;
    return { kind: 'extended', seconds: limit * 2 };
  }

  #limit(): number {
    if (this.#stepTimeout !== undefined) return this.#stepTimeout;
    const sorted = [...this.#recent].sort((a, b) => a - b);
    return Math.max(leastSeconds, medians * (sorted[Math.floor(sorted.length / 2)] ?? 0));
  }
}
