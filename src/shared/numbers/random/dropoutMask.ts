import { bulkMask } from './bulk.js';
import { keyFor } from './threefry.js';

/** What a dropout's masks depend on, besides the sample and the unit. */
export interface MaskPlace {
  readonly seed: number;
  /** Global step, counted from 0. */
  readonly step: number;
  /** Which dropout of the network. */
  readonly layer: number;
}

/**
 * Writes the dropout mask of some samples, [n, units]: 0 with probability `rate`, else 1 / (1 - rate).
 * A value depends on its sample's index in the data set and its unit, so a sample has the same mask in any shard.
 */
export function writeDropoutMask(mask: Float32Array, samples: Uint32Array, units: number, rate: number, place: MaskPlace): void {
  const key = keyFor(place.seed, 'dropout', place.layer, place.step + 1);
  // A word is a whole number, and at most 2^32 - 1.
  const threshold = Math.min(Math.ceil(rate * 2 ** 32), 2 ** 32 - 1);
  bulkMask(key, samples, units, threshold, 1 / (1 - rate), mask);
}
