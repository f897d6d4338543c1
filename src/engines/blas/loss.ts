import type { OutputHead } from '../outputHead.js';
import { lossOfFloats } from '../reference/loss.js';
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
  switch (loss) {
    case 'softmaxCrossentropy':
    case 'sigmoidCrossentropy':
    case 'meanSquaredError':
    case 'meanAbsoluteError':
      return layers[loss](given, targets, gradient, count, width);
    default: {
      // The rarer ones: cross entropies of outputs that are not a last softmax's or sigmoid's.
      const result = lossOfFloats(loss, given, targets, count, width);
      gradient.set(result.gradient);
      activate(layers, activation, given, count, width);
      return result.sum;
    }
  }
}
