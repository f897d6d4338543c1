/**
 * Time that this process was running. What it was stopped for (SIGSTOP, Ctrl-Z, a debugger, a suspended machine) is nobody
 * else's delay: others may have answered long ago, and their answers not have been read.
 */

/** Milliseconds between two looks at the clock. */
const tick = 100;
/** One that comes later than this has been slept through. */
const latest = 2 * tick;

/** A clock that is looked at regularly, and that stands still for as long as it was not. */
export class AwakeClock {
  readonly #read: () => number;
  #seenAt: number;
  #slept = 0;

  /** @param read a monotonic clock, in milliseconds */
  constructor(read: () => number) {
    this.#read = read;
    this.#seenAt = read();
  }

  /** Milliseconds; only differences mean something. */
  now(): number {
    const time = this.#read();
    const gap = time - this.#seenAt;
    if (gap > latest) this.#slept += gap;
    this.#seenAt = time;
    return time - this.#slept;
  }
}

let clock: AwakeClock | undefined;

/** Milliseconds of the process's own time awake. */
export function awakeNow(): number {
  if (!clock) {
    const started = new AwakeClock(() => performance.now());
    setInterval(() => started.now(), tick).unref();
    clock = started;
  }
  return clock.now();
}

/** The longest time that Node's timers can wait, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

/** A timer that counts only the time that this process is awake. */
export class AwakeTimer {
  #timer: NodeJS.Timeout;

  constructor(run: () => void, milliseconds: number) {
    const dueAt = awakeNow() + milliseconds;
    const wait = (left: number): NodeJS.Timeout => setTimeout(look, Math.min(left, longestTimer));
    const look = (): void => {
      const left = dueAt - awakeNow();
      // Timers are exact to a millisecond.
      if (left < 1) run();
      else this.#timer = wait(left);
    };
    this.#timer = wait(milliseconds);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
