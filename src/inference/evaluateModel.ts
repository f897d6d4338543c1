import { type CachePlace, cachesElsewhere } from '../data/cache/place.js';
import { ofRun } from '../data/movedData.js';
import { checkFiniteInputs, loadData } from '../data/openData.js';
import { readingAlone, readingOf } from '../data/readingMemory.js';
import { BatchReader } from '../data/samples/batch.js';
import type { Dataset, PartName } from '../data/samples/dataset.js';
import { checkTargets } from '../data/samples/targets.js';
import { openEngine } from '../engines/openEngine.js';
import { type DataSpec, withoutTraining } from '../shared/config/dataSchema.js';
import { penaltyOf } from '../shared/model/penalty.js';
import type { Loss, Metric } from '../shared/model/spec.js';
import { twin } from '../shared/numbers/kernel/twin.js';
import { UsageError } from '../shared/text/errors.js';
import { type ClassReport, ClassTally } from './classReport.js';
import { checkSampleShape } from './inputShape.js';
import { judgements } from './judge.js';
import type { Model } from './model.js';

/** Means over all samples of a dataset, in the order in which they are to be shown. */
export type Evaluation = {
  readonly samples: number;
  /** The mean of the samples' losses, with the penalty of the regularizers, as in Keras. */
  readonly loss: number;
} & { readonly [name in Metric]?: number };

export interface EvaluateOptions {
  /** Default: what the model was trained for. */
  readonly loss?: Loss | undefined;
  /** Default: those the model was trained with. */
  readonly metrics?: readonly Metric[] | undefined;
  /** Samples of one engine call; default: the run's validationBatchSize, or 512. Figures depend on it in their last digits. */
  readonly batchSize?: number | undefined;
  /** What to call the data in messages; default: test. */
  readonly part?: PartName | undefined;
}

/**
 * Evaluates a run's model on a part of the run's own data.
 * @throws UsageError if the model was not loaded from a run's folder, or its data lacks that part; DataError for bad data
 */
export async function evaluatePart(model: Model, part: PartName = 'test', options: EvaluateOptions = {}): Promise<Evaluation> {
  return evaluate(model, await partOf(model, part), { part, ...options });
}

/** Hears a line for a person. */
type Say = CachePlace['say'];

/** A part of a run's own data. @throws as `evaluatePart` */
export async function partOf(model: Model, part: PartName, say?: Say): Promise<Dataset> {
  const { config, folder } = model;
  if (!config) throw new UsageError(`${folder}: no config.yaml says what data to evaluate on: name the run's folder, or give the data`);
  const place = { folders: cachesElsewhere(config.runs), say };
  const loading = loadData(config.data, config.validationSplit, place, readingOf(config));
  const data = await ofRun(loading, folder, config.data);
  checkFiniteInputs(data);
  const dataset = data[part];
  if (!dataset) throw new UsageError(`${folder}: the run's data has no ${part} samples (data.${part})`);
  return dataset;
}

/**
 * Other data to judge a model by, prepared as those that it was trained on: their test part, else all of them.
 * @throws UsageError, DataError for a spec or files that are bad
 */
export async function otherData(model: Model, spec: DataSpec, say?: Say): Promise<Dataset> {
  const path = 'the training data';
  const like = { table: model.schema && { path, schema: model.schema }, images: model.classes && { path, classes: model.classes } };
  const trained = { preparation: model.preparation, like };
  const data = await loadData(withoutTraining(spec), 0, { folders: cachesElsewhere('runs'), say }, readingAlone(), trained);
  checkFiniteInputs(data);
  return data.test ?? data.train;
}

/** What a classifier gets right and wrong. @throws as `judgements` */
export async function classReport(model: Model, dataset: Dataset, part: PartName, worst: number): Promise<ClassReport> {
  const { loss } = model;
  if (loss === undefined) throw new UsageError(`${model.folder}: the model does not say what loss it was trained for`);
  const count = Math.max(2, model.network.outputs);
  const tally = new ClassTally(model.classes ?? Array.from({ length: count }, (_, i) => String(i)), worst);
  for await (const judgement of judgements(model, dataset, loss, part)) tally.add(judgement);
  return tally.report();
}

/**
 * Evaluates a model on a dataset, dropout off.
 * @throws UsageError if no loss is known; DataError if the samples do not fit the model or the targets the loss
 */
export async function evaluate(model: Model, dataset: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  const { network, weights, folder, choice } = model;
  const { loss = model.loss, metrics = model.metrics, part = 'test' } = options;
  if (loss === undefined) throw new UsageError(`${folder}: the model does not say what loss it was trained for: name one`);
  checkSampleShape(model.spec, dataset.inputShape, `${part} inputs`);
  const encoding = checkTargets(loss, network.outputs, part, dataset);
  const wanted = options.batchSize ?? model.config?.validationBatchSize ?? 512;
  if (!(Number.isInteger(wanted) && wanted >= 1)) throw new UsageError(`batchSize: expected a whole number of at least 1, got ${wanted}`);
  const batchSize = Math.min(wanted, dataset.count);
  const reader = new BatchReader(dataset, encoding, network.outputs, batchSize);
  const { engine: name, ...rest } = choice;
  const engine = await openEngine(name, { network, loss, metrics, sparseTargets: encoding.kind === 'oneHot', ...rest });
  const total = { loss: 0, metrics: metrics.map(() => 0) };
  try {
    for (let first = 0; first < dataset.count; first += batchSize) {
      reader.fillRange(first, Math.min(batchSize, dataset.count - first));
      const { count, inputs, targets, sampleWeights } = reader;
      const sums = await engine.evaluate({ count, inputs, targets, sampleWeights, masks: [] }, weights);
      total.loss += sums.loss;
      total.metrics = total.metrics.map((sum, i) => sum + (sums.metrics[i] ?? Number.NaN));
    }
  } finally {
    await engine.close();
  }
  return {
    samples: dataset.count,
    loss: total.loss / dataset.count + penaltyOf(network.layout, weights, twin),
    ...Object.fromEntries(metrics.map((name, i) => [name, (total.metrics[i] ?? Number.NaN) / dataset.count])),
  };
}
