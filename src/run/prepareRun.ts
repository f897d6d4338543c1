import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fixSchedule, scheduleNotes } from '../coordinator/training/policies/learningRate.js';
import { planTraining, type SplitCounts, type TrainingPlan } from '../coordinator/training/trainingPlan.js';
import { type CachePlace, cachesOf } from '../data/cache/place.js';
import { fingerprintOf } from '../data/fingerprint.js';
import { checkFiniteInputs, type Data, loadData } from '../data/openData.js';
import { readingOf } from '../data/readingMemory.js';
import type { ReadFile } from '../data/samples/arrayDataset.js';
import { checkClassWeights } from '../data/samples/classWeights.js';
import type { DataSplits } from '../data/samples/dataset.js';
import { checkTargets } from '../data/samples/targets.js';
import { shortList } from '../data/table/tableSchema.js';
import { exportNotes } from '../formats/exportNotes.js';
import type { ModelMetadata } from '../formats/metadata.js';
import { type StartingWeights, weightsFrom } from '../formats/startFrom.js';
import type { Config } from '../shared/config/configSchema.js';
import { initialWeights } from '../shared/model/initialWeights.js';
import { buildNetwork, type Network } from '../shared/model/network.js';
import { sizeOf } from '../shared/model/shape.js';
import type { DataLayout } from '../shared/protocol/dataLayout.js';
import { ConfigError, DataError, errorCode, orInterrupted } from '../shared/text/errors.js';
import { dataNotes, shortBatchNotes } from './startNotes.js';

/** A run that can start: the data is checked, the network built, every length known. */
export interface PreparedRun {
  readonly plan: TrainingPlan;
  readonly weights: Float32Array;
  readonly fingerprint: string;
  /** What samples are like, for workers that lack them. */
  readonly layout: DataLayout;
  /** What is noted beside a model. */
  readonly metadata: ModelMetadata;
  /** What a person should know of the weights, of how they are trained, and of the files that are written for Keras. */
  readonly notes: readonly string[];
  /** Files that samples are read from as long as the run trains. */
  readonly readFiles: readonly ReadFile[];
}

export interface PrepareOptions extends Pick<CachePlace, 'onProgress' | 'say' | 'signal'> {
  /** Are the weights to come from a checkpoint? */
  readonly isResumed: boolean;
}

/**
 * Opens the data and works the config out, before anything is started; tables and images are converted here.
 * @throws ConfigError, DataError naming what does not fit; Interrupted where the signal aborts before the data are there
 */
export async function prepareRun(given: Config, { isResumed, ...hearing }: PrepareOptions): Promise<PreparedRun> {
  const place = { folders: cachesOf(given.runs), ...hearing };
  const data = await orInterrupted(loadData(given.data, given.validationSplit, place, readingOf(given)), hearing.signal);
  // Whoever reads it later may be in another folder.
  const config = { ...given, runs: resolve(given.runs), data: withPreparation(given.data, data) };
  const network = buildNetwork(config.model);
  checkInputs(config, network, data);
  checkFiniteInputs(data);
  const counts: SplitCounts = { train: data.train.count, validation: data.validation?.count, test: data.test?.count };
  for (const part of ['train', 'validation', 'test'] as const) {
    const dataset = data[part];
    if (dataset) checkTargets(config.loss, network.outputs, part, dataset, targetColumn(config.data));
  }
  checkClasses(config, network, data);
  checkClassWeights(config.data.classWeights, network.outputs, data.train, data.classes);
  const { totalSteps } = planTraining(config, network, counts);
  const learningRate = fixSchedule(config.optimizer.learningRate, totalSteps);
  const plan = planTraining({ ...config, optimizer: { ...config.optimizer, learningRate } }, network, counts);
  const fingerprint = fingerprintOf(data);
  const metadata = metadataOf(config, data);
  // Those of a run that goes on are in its checkpoint; what they began with may be gone.
  const starting = isResumed
    ? { weights: new Float32Array(network.layout.size), notes: [] }
    : await startingWeights(config, network, metadata);
  const readFiles = [data.train, data.validation, data.test].flatMap((part) => part?.readFile ?? []);
  const { format } = config.checkpoint;
  const notes = [
    ...dataNotes(config, network, data),
    ...starting.notes,
    ...shortBatchNotes(config, counts),
    ...scheduleNotes(learningRate, totalSteps, isResumed),
    ...(format === undefined ? [] : exportNotes(format, { spec: config.model, optimizer: plan.config.optimizer, metadata })),
  ];
  return { plan, fingerprint, layout: layoutOf(data), metadata, readFiles, weights: starting.weights, notes };
}

/** The one column of a table that is predicted. */
function targetColumn(data: Config['data']): string | undefined {
  return 'table' in data && typeof data.target === 'string' ? data.target : undefined;
}

function layoutOf({ train, validation, test }: Data): DataLayout {
  return { train: train.layout, ...(validation && { validation: validation.layout }), ...(test && { test: test.layout }) };
}

/** A way of preparing inputs is a matter of the run: from now on its numbers are. */
function withPreparation(data: Config['data'], { preparation }: Data): Config['data'] {
  return 'name' in data || preparation === undefined ? data : { ...data, normalize: preparation };
}

function metadataOf({ loss, metrics }: Config, { preparation, classes, schema }: Data): ModelMetadata {
  return { loss, metrics, ...(preparation && { normalize: preparation }), ...(classes && { classes }), ...(schema && { schema }) };
}

async function startingWeights(
  { initialWeights: file, from, seed }: Config,
  network: Network,
  own: ModelMetadata,
): Promise<StartingWeights> {
  if (file !== undefined) return { weights: readWeights(file, network), notes: [] };
  const fresh = initialWeights(network.layout, seed);
  return from === undefined ? { weights: fresh, notes: [] } : weightsFrom(from, network.layout, fresh, own);
}

/** The numbers of texts, in the order of their names, are no measurements. */
function checkClasses({ loss }: Config, { outputs }: Network, { classes = [], schema, train }: Data): void {
  const isRegression = loss === 'meanSquaredError' || loss === 'meanAbsoluteError';
  if (!isRegression || outputs > 1 || classes.length <= 2) return;
  const name = schema?.target[0]?.name ?? 'target';
  throw new DataError(
    `${train.y.path}: ${loss} and a model of 1 output expect numbers, got the column ${name} of ${classes.length} texts (${shortList(classes)}): ` +
      `give the last layer ${classes.length} units and softmax with loss: sparseCategoricalCrossentropy, or mend the column`,
  );
}

function checkInputs({ model }: Config, network: Network, { train }: DataSplits): void {
  const values = sizeOf(train.inputShape);
  if (values === network.inputs) return;
  const [expected, got] = [train.inputShape, model.inputShape].map((shape) => `[${shape.join(', ')}]`);
  throw new ConfigError('config', [
    { path: 'model.inputShape', message: `expected ${expected}, the shape of the data's samples, got ${got}` },
  ]);
}

function readWeights(path: string, { layout }: Network): Float32Array {
  let size: number;
  try {
    size = statSync(path).size;
  } catch (error) {
    throw new DataError(`${path}: the initial weights cannot be read (${errorCode(error)})`);
  }
  if (size !== layout.size * 4) {
    throw new DataError(`${path}: expected ${layout.size} float32 weights in ${layout.size * 4} bytes, got ${size} bytes`);
  }
  const copy = new Uint8Array(readFileSync(path));
  return new Float32Array(copy.buffer);
}
