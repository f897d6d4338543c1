/** Adds up how long something takes, call by call. */
export class Stopwatch {
  /** Milliseconds so far. */
  total = 0;

  time<T>(work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.total += performance.now() - start;
    }
  }
}
