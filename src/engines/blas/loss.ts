import type { HeadLoss } from '../outputHead.js';
import { lossOf } from '../reference/loss.js';
import { softmaxRow } from './activation.js';

/**
 * Sum of the samples' losses; writes its gradient by what the network's ops give.
 * @param given [n, width]: outputs, or logits where the loss is from logits
 * @param targets [n, width]
 * @param gradient [n, width]; may be `given`
 */
export function lossGradient(
  loss: HeadLoss,
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
  return result.sum;
}

/** As Keras's categorical_crossentropy from logits: sum of t * (logsumexp - z), and p * sum(t) - t. */
function softmaxCrossentropy(logits: Float32Array, targets: Float32Array, gradient: Float32Array, length: number, width: number): number {
  let loss = 0;
  for (let start = 0; start < length; start += width) {
    let weight = 0;
    let aligned = 0;
    for (let i = start; i < start + width; i++) {
      const t = targets[i] ?? 0;
      weight += t;
      if (t !== 0) aligned += t * (logits[i] ?? 0);
    }
    const logSumExp = softmaxRow(logits, start, width, gradient);
    loss += weight * logSumExp - aligned;
    for (let i = start; i < start + width; i++) gradient[i] = (gradient[i] ?? 0) * weight - (targets[i] ?? 0);
  }
  return loss;
}
