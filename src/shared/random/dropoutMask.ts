import { keyFor, threefry } from './threefry.js';

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
  const threshold = rate * 2 ** 32;
  const kept = 1 / (1 - rate);
  const words = new Uint32Array(2);
  let at = 0;
  for (const sample of samples) {
    for (let unit = 0; unit < units; unit++) {
      if ((unit & 1) === 0) threefry(key, sample, unit >>> 1, words, 0);
      mask[at++] = (words[unit & 1] ?? 0) < threshold ? 0 : kept;
    }
  }
}
