import { keyFor } from '../numbers/random/threefry.js';
import { wordStream } from '../numbers/random/wordStream.js';
import { type ParameterLayout, viewOf } from './layout.js';
import type { Initializer } from './spec.js';

/** Fresh weights for a layout: a function of the seed and of each parameter's place, nothing else. */
export function initialWeights(layout: ParameterLayout, seed: number): Float32Array {
  const weights = new Float32Array(layout.size);
  for (const [i, parameter] of layout.parameters.entries()) {
    const [fanIn = 1, fanOut = 1] = parameter.shape;
    const nextWord = wordStream(keyFor(seed, 'initialWeights', i));
    fill(viewOf(weights, parameter), parameter.initializer, fanIn, fanOut, () => (nextWord() + 0.5) / 2 ** 32);
  }
  return weights;
}

/** Keras's VarianceScaling: `scale` over the fan, uniform or normal cut at two standard deviations. */
function fill(values: Float32Array, initializer: Initializer, fanIn: number, fanOut: number, uniform: () => number): void {
  const variance = initializer.startsWith('he') ? 2 / fanIn : 2 / (fanIn + fanOut);
  switch (initializer) {
    case 'zeros':
      values.fill(0);
      return;
    case 'glorotUniform':
    case 'heUniform': {
      const limit = Math.sqrt(3 * variance);
      for (let i = 0; i < values.length; i++) values[i] = (2 * uniform() - 1) * limit;
      return;
    }
    case 'glorotNormal':
    case 'heNormal': {
      // Cutting the tails narrows a normal to 0.8796 of its deviation; Keras widens it first by as much.
      const deviation = Math.sqrt(variance) / 0.87962566103423978;
      for (let i = 0; i < values.length; i++) values[i] = truncatedNormal(uniform) * deviation;
    }
  }
}

/** Standard normal, redrawn beyond two deviations (Box and Muller 1958). */
function truncatedNormal(uniform: () => number): number {
  for (;;) {
    const value = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    if (Math.abs(value) <= 2) return value;
  }
}
