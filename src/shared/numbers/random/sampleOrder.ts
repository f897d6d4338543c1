import { keyFor } from './threefry.js';
import { wordStream } from './wordStream.js';

/** How samples are mixed: all with all, or within a few large blocks at a time; false for the order of the file. */
export type Shuffle = boolean | 'blocks';

/** Values that the samples of one block have together, and blocks whose samples are mixed with each other. */
const blockValues = 2 ** 20;
const blocksAtOnce = 16;

/** Samples of one block, for samples of so many values: a power of two. The same whatever number type the values have. */
export function blockSizeFor(values: number): number {
  return 2 ** Math.max(4, Math.floor(Math.log2(blockValues / values)));
}

/**
 * The order in which an epoch sees the samples 0 to count - 1: a function of seed and epoch. Every permutation of what is
 * mixed is equally likely (draws are rejected where a remainder would favour some).
 *
 * With `blocks` the samples are cut into blocks of neighbours, the last of which may be shorter; the blocks are shuffled, and
 * the samples of each 16 blocks in a row among each other: so only 16 blocks are read from at a time.
 * @param blockSize samples of one block
 */
export function sampleOrder(count: number, seed: number, epoch: number, shuffle: Shuffle, blockSize: number): Uint32Array {
  const order = new Uint32Array(count);
  if (shuffle === 'blocks') writeBlocks(order, seed, epoch, blockSize);
  else for (let i = 0; i < count; i++) order[i] = i;
  if (shuffle === true) mix(order, wordStream(keyFor(seed, 'sampleOrder', epoch)));
  return order;
}

function writeBlocks(order: Uint32Array, seed: number, epoch: number, blockSize: number): void {
  const blocks = new Uint32Array(Math.ceil(order.length / blockSize));
  for (let i = 0; i < blocks.length; i++) blocks[i] = i;
  mix(blocks, wordStream(keyFor(seed, 'blockOrder', epoch)));
  let written = 0;
  for (let first = 0; first < blocks.length; first += blocksAtOnce) {
    const start = written;
    for (const block of blocks.subarray(first, first + blocksAtOnce)) {
      const end = Math.min((block + 1) * blockSize, order.length);
      for (let sample = block * blockSize; sample < end; sample++) order[written++] = sample;
    }
    mix(order.subarray(start, written), wordStream(keyFor(seed, 'blockOrder', epoch, first + 1)));
  }
}

/** Fisher and Yates. */
function mix(values: Uint32Array, nextWord: () => number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = below(i + 1, nextWord);
    const kept = values[i] ?? 0;
    values[i] = values[j] ?? 0;
    values[j] = kept;
  }
}

function below(bound: number, nextWord: () => number): number {
  let word = nextWord();
  // Words from the last multiple of the bound on; only then is it worth asking where that is.
  while (word >= 2 ** 32 - bound && word >= 2 ** 32 - (2 ** 32 % bound)) word = nextWord();
  return word % bound;
}
