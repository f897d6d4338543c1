import { sizeOf } from '../shared/model/shape.js';
import type { ModelSpec } from '../shared/model/spec.js';
import { DataError } from '../shared/text/errors.js';

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

/** Refuses a picture of another height, width or number of colours; a model of flat inputs says only how many values there are. */
export function checkPicture(spec: ModelSpec, shape: readonly number[], what: string): void {
  checkSampleShape(spec, shape, what);
  const { inputShape } = spec;
  if (inputShape.length < 2) return;
  // One grey value may stand as a dimension of its own.
  const [expected, got] = [inputShape, shape].map((extents) => extents.filter((extent, i) => i < 2 || extent !== 1).join(' x '));
  if (expected !== got) throw new DataError(`${what}: expected an image of ${expected} (height, width), as the model takes, got ${got}`);
}
