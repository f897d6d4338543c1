import { keyFor } from './threefry.js';
import { wordStream } from './wordStream.js';

/**
 * The order in which an epoch sees the samples 0 to count - 1: a Fisher-Yates shuffle keyed by seed and epoch, or file
 * order. Every permutation is equally likely (draws are rejected where a remainder would favour some).
 */
export function sampleOrder(count: number, seed: number, epoch: number, shuffle: boolean): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  if (!shuffle) return order;
  const nextWord = wordStream(keyFor(seed, 'sampleOrder', epoch));
  for (let i = count - 1; i > 0; i--) {
    const j = below(i + 1, nextWord);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}

function below(bound: number, nextWord: () => number): number {
  let word = nextWord();
  // Words from the last multiple of the bound on; only then is it worth asking where that is.
  while (word >= 2 ** 32 - bound && word >= 2 ** 32 - (2 ** 32 % bound)) word = nextWord();
  return word % bound;
}
