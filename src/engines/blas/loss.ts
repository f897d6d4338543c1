import type { OutputHead } from '../outputHead.js';
import { lossOf } from '../reference/loss.js';
import { activate } from './activation.js';
import type { Layers } from './layers.js';

/**
 * Sum of the samples' losses; writes its gradient by what the head's ops give, and turns that into the network's outputs.
 * @param given [n, width]: outputs, or logits where the loss is from logits
 * @param targets [n, width]
 * @param gradient [n, width]
 */
export function lossGradient(
  layers: Layers,
  { loss, activation }: OutputHead,
  given: Float32Array,
  targets: Float32Array,
  gradient: Float32Array,
  count: number,
  width: number,
): number {
  const length = count * width;
  if (loss === 'softmaxCrossentropy') return softmaxCrossentropy(given, targets, gradient, length, width);
  const result = lossOf(loss, Float64Array.from(given.subarray(0, length)), Float64Array.from(targets.subarray(0, length)), width);
  gradient.set(result.gradient);
  activate(layers, activation, given, count, width);
  return result.sum;
}

/** As Keras's categorical_crossentropy from logits: sum of t * (logsumexp - z), and p * sum(t) - t. */
function softmaxCrossentropy(given: Float32Array, targets: Float32Array, gradient: Float32Array, length: number, width: number): number {
  const powers = new Float64Array(width);
  let loss = 0;
  for (let start = 0; start < length; start += width) {
    let largest = Number.NEGATIVE_INFINITY;
    let weight = 0;
    let aligned = 0;
    for (let k = 0; k < width; k++) {
      const z = given[start + k] ?? Number.NaN;
      const t = targets[start + k] ?? 0;
      largest = Math.max(largest, z);
      weight += t;
      if (t !== 0) aligned += t * z;
    }
    let sum = 0;
    for (let k = 0; k < width; k++) {
      const power = Math.exp((given[start + k] ?? 0) - largest);
      powers[k] = power;
      sum += power;
    }
    for (let k = 0; k < width; k++) {
      const p = Math.fround((powers[k] ?? 0) / sum);
      given[start + k] = p;
      gradient[start + k] = p * weight - (targets[start + k] ?? 0);
    }
    loss += weight * (largest + Math.log(sum)) - aligned;
  }
  return loss;
}
