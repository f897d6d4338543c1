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
