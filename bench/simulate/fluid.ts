/**
 * A simulation of things that share: flows over links, threads on cores. Each activity goes on at the largest rate that its
 * share of everything it uses allows, which goes by its weight.
 */

export interface Resource {
  /** Units a millisecond. */
  readonly capacity: number;
  /** Weights of what is going on there, added up. */
  active: number;
}

export function resource(capacity: number): Resource {
  return { capacity, active: 0 };
}

interface Activity {
  left: number;
  /** At most two. */
  readonly uses: readonly Resource[];
  /** Units a millisecond at most. */
  readonly most: number;
  readonly weight: number;
  readonly then: () => void;
}

interface Timer {
  readonly at: number;
  readonly then: () => void;
}

export class Fluid {
  /** Milliseconds. */
  now = 0;
  #activities: Activity[] = [];
  #timers: Timer[] = [];

  /** Does an amount of something, then calls. */
  start(amount: number, uses: readonly Resource[], most: number, weight: number, then: () => void): void {
    if (amount <= 0) {
      this.after(0, then);
      return;
    }
    for (const each of uses) each.active += weight;
    this.#activities.push({ left: amount, uses, most, weight, then });
  }

  after(milliseconds: number, then: () => void): void {
    const timer = { at: this.now + milliseconds, then };
    // Kept in order; most are for soon, and few are there.
    let i = this.#timers.length;
    while (i > 0 && (this.#timers[i - 1]?.at ?? 0) < timer.at) i--;
    this.#timers.splice(i, 0, timer);
  }

  /** Goes on until nothing is left to do, or `isDone`. */
  run(isDone: () => boolean): void {
    while (!isDone()) {
      const nextTimer = (this.#timers.at(-1)?.at ?? Number.POSITIVE_INFINITY) - this.now;
      const step = this.#activities.reduce((least, activity) => Math.min(least, activity.left / rateOf(activity)), nextTimer);
      if (step === Number.POSITIVE_INFINITY) return;
      this.now += step;
      for (const { then } of this.#advance(step)) then();
      for (let timer = this.#timers.at(-1); timer && timer.at <= this.now + 1e-12; timer = this.#timers.at(-1)) {
        this.#timers.pop();
        timer.then();
      }
    }
  }

  /** Lets time pass. Returns what has ended with it. */
  #advance(step: number): Activity[] {
    const ended: Activity[] = [];
    let kept = 0;
    for (const activity of this.#activities) {
      activity.left -= step * rateOf(activity);
      if (activity.left <= 1e-9) ended.push(activity);
      else this.#activities[kept++] = activity;
    }
    this.#activities.length = kept;
    // Only now, so that all have gone on at the rates that they had.
    for (const { uses, weight } of ended) for (const each of uses) each.active -= weight;
    return ended;
  }
}

function rateOf({ uses: [first, second], most, weight }: Activity): number {
  const rate = first === undefined ? most : Math.min(most, (first.capacity * weight) / first.active);
  return second === undefined ? rate : Math.min(rate, (second.capacity * weight) / second.active);
}

/** Does one thing after the other: a thread on some cores, or a connection over two links. */
export class Queue {
  readonly #fluid: Fluid;
  readonly #uses: readonly Resource[];
  readonly #most: number;
  readonly #weight: number;
  readonly #waiting: { readonly amount: number; readonly then: () => void }[] = [];
  #isBusy = false;

  /** @param most units a millisecond @param weight of its share of what it uses */
  constructor(fluid: Fluid, uses: readonly Resource[], most: number, weight = 1) {
    this.#fluid = fluid;
    this.#uses = uses;
    this.#most = most;
    this.#weight = weight;
  }

  do(amount: number, then: () => void): void {
    this.#waiting.push({ amount, then });
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const job = this.#waiting.shift();
    this.#isBusy = job !== undefined;
    if (!job) return;
    this.#fluid.start(job.amount, this.#uses, this.#most, this.#weight, () => {
      job.then();
      this.#next();
    });
  }
}
