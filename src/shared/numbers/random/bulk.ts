import { openWasm, type WasmMemory } from '../wasm.js';
import type { Key } from './threefry.js';

/** Threefry for many counters at once, in SIMD WebAssembly: the same words as `threefry` gives, ten times as fast. */

interface Exports {
  words(k0: number, k1: number, first: number, counters: number, out: number): void;
  mask(k0: number, k1: number, samples: number, count: number, units: number, threshold: number, kept: number, out: number): void;
}

/** Values that are made in one call; a row of a mask that is longer takes memory of its own. */
const chunk = 16_384;
/** What may be written past the end. */
const slack = 8;

interface Bulk extends Pick<WasmMemory<Exports>, 'exports' | 'addressOf'> {
  /** Room for samples and for what is made. */
  readonly samples: Float32Array;
  readonly out: Float32Array;
}

let opened: Bulk | undefined;

function bulk(size: number): Bulk {
  if (opened && opened.out.length >= size + slack) return opened;
  const lengths = [size, size + slack];
  const { exports, addressOf, allocate } = openWasm<Exports>({ module: '#random.wasm', lengths, holds: 'random numbers' });
  opened = { exports, addressOf, samples: allocate(size), out: allocate(size + slack) };
  return opened;
}

/**
 * The words of the counters (first, 0), (first + 1, 0), ..., two of each: good until the next call of anything here.
 * @param counters at most 8,192
 */
export function bulkWords([k0, k1]: Key, first: number, counters: number): Uint32Array {
  const { exports, addressOf, out } = bulk(chunk);
  exports.words(k0, k1, first, counters, addressOf(out));
  return new Uint32Array(out.buffer, out.byteOffset, 2 * counters);
}

/**
 * Writes [samples, units] to `mask`: 0 where the word of sample and unit is below the threshold, else `kept`.
 * Units 2i and 2i + 1 of a sample have the words of the counter (sample, i).
 */
export function bulkMask([k0, k1]: Key, samples: Uint32Array, units: number, threshold: number, kept: number, mask: Float32Array): void {
  const { exports, addressOf, samples: room, out } = bulk(Math.max(chunk, units));
  const numbers = new Uint32Array(room.buffer, room.byteOffset, room.length);
  const rows = Math.floor((out.length - slack) / units);
  for (let first = 0; first < samples.length; first += rows) {
    const some = samples.subarray(first, first + rows);
    numbers.set(some);
    exports.mask(k0, k1, addressOf(room), some.length, units, threshold, kept, addressOf(out));
    mask.set(out.subarray(0, some.length * units), first * units);
  }
}
