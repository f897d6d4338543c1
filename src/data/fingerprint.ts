import { createHash, type Hash } from 'node:crypto';
import type { Preparation } from '../shared/config/dataSchema.js';
import type { DataParts } from './dataset.js';
import type { Dtype } from './dtype.js';

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
  const hash = createHash('sha256');
  for (const { dtype, shape, divide, pieces } of arrays) {
    hash.update(`${JSON.stringify({ dtype, shape, divide })}\n`);
    for (const piece of pieces) hash.update(piece);
  }
  return shorten(hash);
}

/** One fingerprint for all parts of a run's data. */
export function fingerprintOf({ train, validation, test }: DataParts): string {
  const prints = [train, validation, test].map((part) => part?.fingerprint ?? null);
  return shorten(createHash('sha256').update(JSON.stringify(prints)));
}

function shorten(hash: Hash): string {
  return hash.digest('hex').slice(0, 16);
}
