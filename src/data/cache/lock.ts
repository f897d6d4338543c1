import { statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { holderName, type LockHolder, showsLife, suspensionOf } from '../../shared/files/lockHolder.js';
import { ProcessLock } from '../../shared/files/processLock.js';

/** Milliseconds without a sign of life after which a holder on another machine counts as dead. */
const deadAfter = 30_000;
/** Milliseconds between two attempts. */
const retryInterval = 100;
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
  const { signal } = options;
  const waiting = new Waiting(options);
  const touched = (): unknown => statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  while (!isDone()) {
    const taken = await ProcessLock.take(lock, (holder) =>
      showsLife(touched, deadAfter, { isOver: () => isDone() || waiting.look(holder), signal }),
    );
    if (!(taken instanceof ProcessLock)) {
      waiting.look(taken);
      await wait(retryInterval, undefined, signal && { signal });
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
    const suspension = suspensionOf(holder);
    const line = `waiting for ${holderName(holder)}, which ${this.#options.what}${suspension === undefined ? '' : ` and ${suspension}`}`;
    if (line === this.#told || performance.now() - this.#since < tellAfter) return false;
    this.#told = line;
    this.#options.say?.(line);
    return false;
  }
}
