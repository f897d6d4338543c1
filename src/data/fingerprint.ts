import { createHash, type Hash } from 'node:crypto';
import type { DataParts } from './dataset.js';
import type { Dtype } from './dtype.js';

/** All that decides the numbers which samples give. */
export interface HashedArray {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** What values are divided by; null for as they are. */
  readonly divide: number | null;
  readonly bytes: Uint8Array;
}

/**
 * A hash of arrays: 16 hex digits of their SHA-256. It tells files that were mixed up, not files that were forged, and
 * 64 bits are enough for that while two of them can still be compared by eye.
 */
export function fingerprint(arrays: readonly HashedArray[]): string {
  const hash = createHash('sha256');
  for (const { dtype, shape, divide, bytes } of arrays) {
    hash.update(`${JSON.stringify({ dtype, shape, divide })}\n`);
    updateInPieces(hash, bytes);
  }
  return shorten(hash);
}

/** One fingerprint for all parts of a run's data. */
export function fingerprintOf({ train, validation, test }: DataParts): string {
  const prints = [train, validation, test].map((part) => part?.fingerprint ?? null);
  return shorten(createHash('sha256').update(JSON.stringify(prints)));
}

/** One update takes at most 2^31 - 1 bytes. */
function updateInPieces(hash: Hash, bytes: Uint8Array): void {
  const piece = 2 ** 30;
  for (let at = 0; at < bytes.length; at += piece) hash.update(bytes.subarray(at, at + piece));
}

function shorten(hash: Hash): string {
  return hash.digest('hex').slice(0, 16);
}
