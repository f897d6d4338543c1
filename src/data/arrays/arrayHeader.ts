import type { Dtype } from './dtype.js';

/** What the first bytes of a file say about the values that follow. */
export interface ArrayHeader {
  /** Rank 1 or more; the first dimension counts the samples. */
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly byteOrder: 'LE' | 'BE';
  /** Where the values begin, in bytes from the start of the file. */
  readonly valuesAt: number;
}

/** Number of values in an array of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
