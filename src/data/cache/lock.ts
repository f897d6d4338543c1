import { statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { type LockHolder, ProcessLock } from '../../shared/files/processLock.js';

/** Milliseconds without a sign of life after which a holder on another machine counts as dead, and between two looks. */
const deadAfter = 30_000;
const lookInterval = 100;
/** Milliseconds of waiting after which a person is told. */
const tellAfter = 1_000;

export interface AloneOptions {
  /** What the holder of the lock does, such as `converts train.csv`. */
  readonly what: string;
  /** One line for a person. */
  readonly say?: ((line: string) => void) | undefined;
  /** Aborts when it need not be done any more: nobody waits for the lock then. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does something that only one process may do at a time, on any machine that sees the folder.
 * @param isDone has another one done it meanwhile? Nothing is done then.
 */
export async function alone(lock: string, isDone: () => boolean, work: () => Promise<void>, options: AloneOptions): Promise<void> {
  const waiting = new Waiting(options);
  while (!isDone()) {
    const taken = await ProcessLock.take(lock, (holder) => isTouched(lock, () => isDone() || waiting.look(holder), options.signal));
    if (!(taken instanceof ProcessLock)) {
      waiting.look(taken);
      await pause(options.signal);
      continue;
    }
    try {
      // The one before may have ended between the look and the lock.
      if (!isDone()) await work();
    } finally {
      taken.release();
    }
  }
}

/** Does the holder touch its lock, or give it up? Clocks of two machines need not agree: only changes are looked at. */
async function isTouched(lock: string, isOver: () => boolean, signal: AbortSignal | undefined): Promise<boolean> {
  const look = (): number | undefined => statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  const before = look();
  const until = performance.now() + deadAfter;
  while (performance.now() < until) {
    if (isOver() || look() !== before) return true;
    await pause(signal);
  }
  return false;
}

function pause(signal: AbortSignal | undefined): Promise<void> {
  return wait(lookInterval, undefined, signal && { signal });
}

/** Tells once, after a while, who is waited for. */
class Waiting {
  readonly #options: AloneOptions;
  readonly #since = performance.now();
  #told: string | undefined;

  constructor(options: AloneOptions) {
    this.#options = options;
  }

  /** @returns false */
  look(holder: LockHolder): boolean {
    const { process, state } = holder;
    const who = process ? `process ${process.pid} on ${process.host}` : 'another process';
    const line = `waiting for ${who}, which ${this.#options.what}${state === 'suspended' && process ? ` and is suspended (fg or kill -CONT ${process.pid} continues it)` : ''}`;
    if (line === this.#told || performance.now() - this.#since < tellAfter) return false;
    this.#told = line;
    this.#options.say?.(line);
    return false;
  }
}
