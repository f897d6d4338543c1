import { keyFor, wordStream } from './threefry.js';

/**
 * The order in which an epoch sees the samples 0 to count - 1: a Fisher-Yates shuffle keyed by seed and epoch, or file
 * order. Every permutation is equally likely (draws are rejected where a remainder would favour some).
 */
export function sampleOrder(count: number, seed: number, epoch: number, shuffle: boolean): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
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
  const limit = 2 ** 32 - (2 ** 32 % bound);
  let word = nextWord();
  while (word >= limit) word = nextWord();
  return word % bound;
}
