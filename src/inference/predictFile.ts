import type { Preparation } from '../shared/config/dataSchema.js';
import { type Answer, answersOf, classifierOf } from './classify.js';
import type { Model } from './model.js';
import { PredictorPool } from './predictorPool.js';
import { type SampleBatch, samplesOf } from './samples.js';

/** What a model gives for one sample of a file. */
export interface Prediction extends Answer {
  /** The sample's place in the file, counted from 0. */
  readonly sample: number;
}

export interface PredictFileOptions {
  /** How inputs are prepared; default: as in training. */
  readonly preparation?: Preparation | undefined;
  /** Processes that compute; default: 1, this one. What they give does not depend on their number. */
  readonly workers?: number | undefined;
  /** Hears what a person should know of the file. */
  readonly say?: ((line: string) => void) | undefined;
}

/** Batches that a process has been sent: it computes one while another is on its way. */
const aheadPerWorker = 2;

/**
 * Predicts every sample of a file, in its order, without holding all predictions at once.
 * @param path an array, [n, ...sample shape] (IDX or .npy), a table (CSV, JSON lines or Parquet) or an image (PNG or JPEG)
 * @throws DataError if the file cannot be read or its samples do not fit the model, RunError where a process ends that computes
 */
export async function* predictFile(model: Model, path: string, options: PredictFileOptions = {}): AsyncGenerator<Prediction, void> {
  const { preparation = model.preparation, workers = 1, say } = options;
  const classify = classifierOf(model.spec);
  const { outputs: width } = model.network;
  const pool = workers > 1 ? new PredictorPool(model, workers) : undefined;
  let sample = 0;
  try {
    const batches = samplesOf(model, path, preparation, say);
    for await (const given of outputsOf(batches, pool ?? model, pool ? aheadPerWorker * workers : 1)) {
      for (const answer of answersOf(given, width, classify, model.classes)) yield { sample: sample++, ...answer };
    }
  } finally {
    await pool?.close();
  }
}

/** What is given for each batch, in their order. @param ahead batches that are asked about before the first is answered */
async function* outputsOf(
  batches: AsyncIterable<SampleBatch>,
  asked: Pick<Model, 'predict'>,
  ahead: number,
): AsyncGenerator<Float32Array, void> {
  const waiting: Promise<Float32Array>[] = [];
  let broken: { readonly error: unknown } | undefined;
  try {
    for await (const { inputs } of batches) {
      const outputs = asked.predict(inputs);
      // One that fails is heard of when its turn comes, if nothing fails before.
      outputs.catch(() => undefined);
      waiting.push(outputs);
      const [oldest] = waiting;
      if (!oldest || waiting.length < ahead) continue;
      yield await oldest;
      waiting.shift();
    }
  } catch (error) {
    broken = { error };
  }
  // A sample that cannot be read is told after those that stand before it.
  for (const outputs of waiting) yield await outputs;
  if (broken) throw broken.error;
}
