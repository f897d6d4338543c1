import type { OutputHead } from '../outputHead.js';
import { lossOfFloats } from '../reference/loss.js';
import { activate } from './activation.js';
import type { Layers } from './layers.js';

/** What a loss is made from. */
export interface LossInputs {
  /** [n, width]: outputs, or logits where the loss is from logits; becomes the network's outputs. */
  readonly given: Float32Array;
  /** [n, width] */
  readonly targets: Float32Array;
  /** [n], of the samples. */
  readonly weights: Float32Array | undefined;
}

/**
 * Sum of the samples' losses; writes its gradient by what the head's ops give, and turns that into the network's outputs.
 * @param gradient [n, width]
 */
export function lossGradient(
  layers: Layers,
  { loss, activation }: OutputHead,
  { given, targets, weights }: LossInputs,
  gradient: Float32Array,
  count: number,
  width: number,
): number {
  switch (loss) {
    case 'softmaxCrossentropy':
    case 'sigmoidCrossentropy':
    case 'meanSquaredError':
    case 'meanAbsoluteError': {
      const ofRows = layers[loss];
      if (!weights) return ofRows(given, targets, gradient, count, width);
      return weightedRows(weights, gradient, count, width, (row) => {
        const [z, t, d] = [given, targets, gradient].map((values) => values.subarray(row * width, (row + 1) * width));
        return z && t && d ? ofRows(z, t, d, 1, width) : Number.NaN;
      });
    }
    default: {
      // The rarer ones: cross entropies of outputs that are not a last softmax's or sigmoid's.
      const result = lossOfFloats(loss, given, targets, count, width, weights);
      gradient.set(result.gradient);
      activate(layers, activation, given, count, width);
      return result.sum;
    }
  }
}

/** Row by row, since the sum of some knows nothing of their weights any more. */
function weightedRows(
  weights: Float32Array,
  gradient: Float32Array,
  count: number,
  width: number,
  lossOfRow: (row: number) => number,
): number {
  let sum = 0;
  for (let row = 0; row < count; row++) {
    const weight = weights[row] ?? Number.NaN;
    sum += weight * lossOfRow(row);
    for (let i = row * width; i < (row + 1) * width; i++) gradient[i] = weight * (gradient[i] ?? 0);
  }
  return sum;
}
