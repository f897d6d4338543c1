import { setTimeout as wait } from 'node:timers/promises';
import { Unreachable } from './source.js';

/** Milliseconds between tries: the first pause, and the longest that a server may ask for. */
const firstPause = 250;
const longestPause = 30_000;
const tries = 4;

/**
 * Asks again, after growing pauses, where a server cannot be reached or cannot answer now. (undici's own way of trying again
 * would also go on with bodies that are cut off, and then wait for ever where these had been paused.)
 */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let trial = 1; ; trial++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Unreachable) || trial === tries) throw error;
      const pause = Math.min(longestPause, Math.max(firstPause * 2 ** (trial - 1), error.askAfter * 1_000));
      await wait(pause, undefined, { signal });
    }
  }
}
