import { openArray } from '../data/arrayFile.js';
import type { Preparation } from '../shared/config/dataSchema.js';
import { type Classification, classifierOf } from './classify.js';
import { checkSampleShape } from './inputShape.js';
import type { Model } from './model.js';

/** What a model gives for one sample of a file; for a classifier, with its class. */
export interface Prediction extends Partial<Classification> {
  /** The sample's place in the file, counted from 0. */
  readonly sample: number;
  readonly outputs: readonly number[];
}

export interface PredictFileOptions {
  /** How inputs are prepared; default: as in training. */
  readonly preparation?: Preparation | undefined;
}

/** Samples read at a time. */
const chunkSize = 512;

/**
 * Predicts every sample of a file, in its order, without holding all predictions at once.
 * @param path inputs, IDX or .npy, [n, ...sample shape]
 * @throws DataError if the file cannot be read or its samples do not fit the model
 */
export async function* predictFile(model: Model, path: string, options: PredictFileOptions = {}): AsyncGenerator<Prediction, void> {
  const file = openArray(path);
  const [count = 0, ...shape] = file.shape;
  // A lone sample, saved without the dimension that counts samples, shows in the message.
  checkSampleShape(model.spec, shape, `${path}, an array of [${file.shape.join(', ')}]`);
  const { values, load, finish } = file.buffer(Math.min(chunkSize, count), options.preparation ?? model.preparation);
  const classify = classifierOf(model.spec);
  const { inputs: inputWidth, outputs: outputWidth } = model.network;
  for (let first = 0; first < count; first += chunkSize) {
    const size = Math.min(chunkSize, count - first);
    for (let row = 0; row < size; row++) load(row, first + row);
    finish(size);
    const given = await model.predict(values.subarray(0, size * inputWidth));
    for (let row = 0; row < size; row++) {
      const outputs = [...given.subarray(row * outputWidth, (row + 1) * outputWidth)];
      yield { sample: first + row, outputs, ...classify?.(outputs) };
    }
  }
}
