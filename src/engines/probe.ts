import { shortHash } from '../shared/files/shortHash.js';
import type { Network } from '../shared/model/network.js';
import { bytesOf } from '../shared/numbers/bytesOf.js';
import type { Batch, Engine } from './engine.js';

const probeSamples = 8;

/**
 * A fingerprint of the bits an engine computes: the first 16 hex digits of the SHA-256 of the gradient for made-up
 * weights and samples. Two machines with the same one can be expected to train to the same bits.
 */
export async function probeHash(engine: Engine, network: Network): Promise<string> {
  const gradient = new Float32Array(network.layout.size);
  const { batch, weights } = probeProblem(network);
  await engine.gradient(batch, weights, gradient);
  return shortHash([bytesOf(gradient)]);
}

/** Made-up weights and samples for a network, the same everywhere. */
export function probeProblem(
  { inputs, outputs, ops, layout }: Network,
  count = probeSamples,
): { readonly batch: Batch; readonly weights: Float32Array } {
  const targets = outputs === 1 ? hashedValues(count, 2) : oneHotRows(count, outputs);
  const dropouts = ops.filter((op) => op.kind === 'dropout');
  const masks = dropouts.map(({ units, rate, index }) =>
    hashedValues(count * units, 4 + index).map((value) => (value < rate ? 0 : 1 / (1 - rate))),
  );
  const weights = hashedValues(layout.size, 1).map((value) => (value - 0.5) / 4);
  return { batch: { count, inputs: hashedValues(count * inputs, 3), targets, masks }, weights };
}

function oneHotRows(count: number, width: number): Float32Array {
  const rows = new Float32Array(count * width);
  for (let row = 0; row < count; row++) rows[row * width + (row % width)] = 1;
  return rows;
}

/** Float32 values in [0, 1), the same on every machine: 24 bits each of a hash of their position and a seed. */
function hashedValues(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (mix(i + Math.imul(seed, 0x9e3779b9)) >>> 8) / 2 ** 24);
}

/** Finalizer of MurmurHash3, which scatters the bits of an integer. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
