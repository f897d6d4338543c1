import { twin } from '../shared/kernel/twin.js';
import { type ParameterLayout, viewOf } from '../shared/model/layout.js';

/** What the regularizers add to the mean loss: `l1 * sum |w| + l2 * sum w^2` over all parameters, to the bit as while training. */
export function penaltyOf(layout: ParameterLayout, weights: Float32Array): number {
  let total = 0;
  for (const parameter of layout.parameters) {
    const { l1, l2 } = parameter.regularizer;
    const values = viewOf(weights, parameter);
    if (l1 > 0) total += l1 * twin.absoluteSum(values);
    if (l2 > 0) total += l2 * twin.squaredNorm(values);
  }
  return total;
}
