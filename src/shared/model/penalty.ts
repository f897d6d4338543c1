import type { Kernel } from '../numbers/kernel/kernel.js';
import { type ParameterLayout, viewOf } from './layout.js';

/** What the regularizers add to the mean loss: `l1 * sum |w| + l2 * sum w^2` over all parameters, in float64. */
export function penaltyOf(layout: ParameterLayout, weights: Float32Array, kernel: Pick<Kernel, 'absoluteSum' | 'squaredNorm'>): number {
  let total = 0;
  for (const parameter of layout.parameters) {
    const { l1, l2 } = parameter.regularizer;
    if (l1 === 0 && l2 === 0) continue;
    const values = viewOf(weights, parameter);
    if (l1 > 0) total += l1 * kernel.absoluteSum(values);
    if (l2 > 0) total += l2 * kernel.squaredNorm(values);
  }
  return total;
}
