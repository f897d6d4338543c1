import type { Preparation } from '../shared/config/dataSchema.js';
import { shortHash } from '../shared/files/shortHash.js';
import type { Dtype } from './arrays/dtype.js';
import type { DataSplits } from './samples/dataset.js';

/** All that decides the numbers which samples give. */
export interface HashedArray {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** What values are divided by, or how they are prepared otherwise; null for as they are. */
  readonly divide: number | Preparation | null;
  readonly pieces: Iterable<Uint8Array>;
}

/**
 * A hash of arrays: 16 hex digits of their SHA-256. It tells files that were mixed up, not files that were forged, and
 * 64 bits are enough for that while two of them can still be compared by eye.
 */
export function fingerprint(arrays: readonly HashedArray[]): string {
  return shortHash(hashedParts(arrays));
}

function* hashedParts(arrays: readonly HashedArray[]): Generator<string | Uint8Array, void> {
  for (const { dtype, shape, divide, pieces } of arrays) {
    yield `${JSON.stringify({ dtype, shape, divide })}\n`;
    yield* pieces;
  }
}

/** One fingerprint for all parts of a run's data. */
export function fingerprintOf({ train, validation, test }: DataSplits): string {
  const prints = [train, validation, test].map((part) => part?.fingerprint ?? null);
  return shortHash([JSON.stringify(prints)]);
}
