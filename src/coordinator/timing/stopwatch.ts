/** Adds up how long something takes, call by call. */
export class Stopwatch {
  /** Milliseconds so far. */
  total = 0;
  readonly #onCall: ((from: number, to: number) => void) | undefined;

  /** @param onCall hears of every call: from when to when, in milliseconds of the monotonic clock */
  constructor(onCall?: (from: number, to: number) => void) {
    this.#onCall = onCall;
  }

  time<T>(work: () => T): T {
    const from = performance.now();
    try {
      return work();
    } finally {
      const to = performance.now();
      this.total += to - from;
      this.#onCall?.(from, to);
    }
  }
}
