/**
 * Threefry-2x32 with 20 rounds: a keyed bijection of 64-bit counters that passes BigCrush (Salmon et al. 2011,
 * "Parallel random numbers: as easy as 1, 2, 3"). Random numbers are a function of key and counter; there is no state.
 */

/** Two 32-bit words. */
export type Key = readonly [number, number];

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;

/** Encrypts the counter (c0, c1) and writes the two random 32-bit words to `out[at]` and `out[at + 1]`. */
export function threefry(key: Key, c0: number, c1: number, out: Uint32Array, at: number): void {
  const k0 = key[0] | 0;
  const k1 = key[1] | 0;
  const k2 = k0 ^ k1 ^ parity;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  for (let group = 0; group < 5; group++) {
    const first = (group & 1) * 4;
    for (let i = first; i < first + 4; i++) {
      const rotation = rotations[i & 7] ?? 0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    }
    // Key injection: the subkeys k0, k1, k2 in turn, and the number of the injection.
    const turn = (group + 1) % 3;
    x0 = (x0 + (turn === 0 ? k0 : turn === 1 ? k1 : k2)) | 0;
    x1 = (x1 + (turn === 0 ? k1 : turn === 1 ? k2 : k0) + group + 1) | 0;
  }
  out[at] = x0;
  out[at + 1] = x1;
}

/** What random numbers are for: each purpose has its own keys. */
export type Purpose = 'initialWeights' | 'sampleOrder' | 'dropout' | 'blockOrder';
const purposes: Readonly<Record<Purpose, number>> = { initialWeights: 1, sampleOrder: 2, dropout: 3, blockOrder: 4 };

/** The key for one purpose of one run; `index` tells uses apart (a parameter, an epoch, a layer), `step` steps. */
export function keyFor(seed: number, purpose: Purpose, index: number, step = 0): Key {
  const words = new Uint32Array(2);
  threefry([seed, purposes[purpose]], index, 0, words, 0);
  if (step !== 0) threefry([words[0] ?? 0, words[1] ?? 0], step % 2 ** 32, Math.floor(step / 2 ** 32) + 1, words, 0);
  return [words[0] ?? 0, words[1] ?? 0];
}
