/** Adds up how long something takes, call by call. What another stopwatch keeps the time of within it counts for that one only. */
export class Stopwatch {
  /** Whose time runs now. */
  static #running: Stopwatch | undefined;
  /** Milliseconds so far. */
  total = 0;
  #since = 0;
  readonly #tell: ((from: number, to: number) => void) | undefined;

  /** @param tell hears of every stretch of it: from when to when, in milliseconds of the monotonic clock */
  constructor(tell?: (from: number, to: number) => void) {
    this.#tell = tell;
  }

  time<T>(work: () => T): T {
    const outer = Stopwatch.#running;
    if (outer) outer.#stop();
    Stopwatch.#running = this;
    this.#since = performance.now();
    try {
      return work();
    } finally {
      this.#stop();
      Stopwatch.#running = outer;
      if (outer) outer.#since = performance.now();
    }
  }

  #stop(): void {
    const now = performance.now();
    this.total += now - this.#since;
    this.#tell?.(this.#since, now);
  }
}
