import type { Preparation } from '../shared/config/dataSchema.js';
import { type Answer, answersOf, classifierOf } from './classify.js';
import type { Model } from './model.js';
import { samplesOf } from './samples.js';

/** What a model gives for one sample of a file. */
export interface Prediction extends Answer {
  /** The sample's place in the file, counted from 0. */
  readonly sample: number;
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
  for await (const { inputs } of samplesOf(model, path, options.preparation ?? model.preparation)) {
    const given = await model.predict(inputs);
    for (const answer of answersOf(given, width, classify, model.classes)) yield { sample: sample++, ...answer };
  }
}
