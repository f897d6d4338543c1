import type { Preparation } from '../shared/config/dataSchema.js';
import { type Classification, classifierOf } from './classify.js';
import type { Model } from './model.js';
import { samplesOf } from './samples.js';

/** What a model gives for one sample of a file; for a classifier, with its class. */
export interface Prediction extends Partial<Classification> {
  /** The sample's place in the file, counted from 0. */
  readonly sample: number;
  readonly outputs: readonly number[];
  /** The name of its class, where classes have names. */
  readonly label?: string;
}

export interface PredictFileOptions {
  /** How inputs are prepared; default: as in training. */
  readonly preparation?: Preparation | undefined;
}

/**
 * Predicts every sample of a file, in its order, without holding all predictions at once.
 * @param path an array, [n, ...sample shape] (IDX or .npy), a table (CSV, JSON lines or Parquet) or an image (PNG or JPEG)
 * @throws DataError if the file cannot be read or its samples do not fit the model
 */
export async function* predictFile(model: Model, path: string, options: PredictFileOptions = {}): AsyncGenerator<Prediction, void> {
  const classify = classifierOf(model.spec);
  const { outputs: width } = model.network;
  let sample = 0;
  for await (const { count, inputs } of samplesOf(model, path, options.preparation ?? model.preparation)) {
    const given = await model.predict(inputs);
    for (let row = 0; row < count; row++) {
      const outputs = [...given.subarray(row * width, (row + 1) * width)];
      const classification = classify?.(outputs);
      const label = classification && model.classes?.[classification.class];
      yield { sample: sample++, outputs, ...classification, ...(label !== undefined && { label }) };
    }
  }
}
