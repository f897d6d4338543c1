import { DataError } from '../shared/errors.js';
import { sizeOf } from '../shared/model/network.js';
import type { ModelSpec } from '../shared/model/spec.js';

/**
 * Refuses samples of another number of values than the model takes. As in training, [784] and [28, 28] are the same.
 * @param shape of one sample
 * @param what names the samples in the message
 */
export function checkSampleShape({ inputShape }: ModelSpec, shape: readonly number[], what: string): void {
  if (sizeOf(shape) === sizeOf(inputShape)) return;
  const [expected, got] = [inputShape, shape].map((extents) => `[${extents.join(', ')}]`);
  throw new DataError(`${what}: expected samples of shape ${expected}, as the model takes, got ${got}`);
}
