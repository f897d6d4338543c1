import { bulkWords } from './bulk.js';
import type { Key } from './threefry.js';

/** Counters of one block: few first, as most streams are short. */
const firstBlock = 64;
const largestBlock = 4_096;

/** The words of counters 0, 1, 2, ... under one key, one after the other. */
export function wordStream(key: Key): () => number {
  let block = new Uint32Array(0);
  let counter = 0;
  let next = 0;
  return () => {
    if (next === block.length) {
      const counters = Math.min(Math.max(firstBlock, counter), largestBlock);
      block = bulkWords(key, counter, counters).slice();
      counter += counters;
      next = 0;
    }
    return block[next++] ?? 0;
  };
}
