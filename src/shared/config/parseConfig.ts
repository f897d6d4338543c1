import type { z } from 'zod';
import { precisionProblem } from '../engine/precision.js';
import { denseNames, modelProblems } from '../model/network.js';
import type { Activation, DenseLayer, Loss, Metric, ModelSpec } from '../model/spec.js';
import { ConfigError, type Problem } from '../text/errors.js';
import { type Config, configSchema } from './configSchema.js';
import { inOurWords, oneByOne, pathText, show, suggestion } from './fields.js';
import type { Machine } from './machine.js';
import { expandShortModel } from './modelSchema.js';
import { namesAsText } from './names.js';
import { earlyStoppingSchema, optimizerKeys } from './optimizerSchema.js';

/**
 * Reads a config as it stands in a file or in flags and fills in the defaults.
 * @param source what to call it in messages, e.g. a file's name
 * @throws ConfigError naming every problem at once
 */
export function parseConfig(raw: unknown, source: string, machine: Machine): Config {
  const result = configSchema.safeParse(namesAsText(raw ?? {}), inOurWords);
  if (!result.success) {
    const issues = result.error.issues.flatMap((issue) => oneByOne(configSchema, issue, innerKeys));
    const problems = issues.map(({ path, message }) => ({ path: pathText(path), message }));
    throw new ConfigError(source, [...problems, ...modelProblemsIn(raw)]);
  }
  const config = withDefaults(result.data, machine);
  const problems = [...crossChecks(config), ...unknownLayers(config.model, result.data.freeze)];
  if (problems.length > 0) throw new ConfigError(source, problems);
  return config;
}

/** Keys that stand in a mapping of their own, and are often looked for at the top. */
const innerKeys = [
  ...optimizerKeys.filter((key) => key !== 'name').map((key) => `optimizer.${key}`),
  ...Object.keys(earlyStoppingSchema.shape).map((key) => `earlyStopping.${key}`),
  ...['x', 'y', 'table', 'images', 'take', 'normalize', 'classWeights', 'stratify'].map((key) => `data.${key}`),
];

/** What is wrong with a model that can be read, in a config that cannot: all problems are shown at once. */
function modelProblemsIn(raw: unknown): Problem[] {
  const model = configSchema
    .pick({ model: true })
    .safeParse({ model: typeof raw === 'object' && raw && 'model' in raw ? raw.model : undefined });
  return model.success && !('sizes' in model.data.model) ? modelProblems(model.data.model) : [];
}

/** Figures that a run reports at the end of an epoch, by which it can stop, cut its rate or choose its best model. */
export function figureNames(config: Pick<Config, 'metrics' | 'validationSplit' | 'data'>): string[] {
  const training = ['loss', ...config.metrics];
  return hasValidation(config) ? [...training, ...training.map(validationName)] : training;
}

/** `loss` to `valLoss`. */
export function validationName(figure: string): string {
  return `val${figure.charAt(0).toUpperCase()}${figure.slice(1)}`;
}

export function hasValidation(config: Pick<Config, 'validationSplit' | 'data'>): boolean {
  return config.validationSplit > 0 || ('validation' in config.data && config.data.validation !== undefined);
}

/** The layers that are named, not to be trained. */
function frozen(model: ModelSpec, freeze: readonly string[] | undefined): ModelSpec {
  if (freeze === undefined) return model;
  const names = denseNames(model);
  let index = 0;
  const layers = model.layers.map((layer) =>
    layer.kind === 'dense' && freeze.includes(names[index++] ?? '') ? { ...layer, trainable: false } : layer,
  );
  return { ...model, layers };
}

function unknownLayers(model: ModelSpec, freeze: readonly string[] = []): Problem[] {
  const names = denseNames(model);
  return freeze
    .filter((name) => !names.includes(name))
    .map((name) => ({
      path: 'freeze',
      message: `expected names of dense layers (${names.join(', ')}), got ${show(name)}${suggestion(name, names)}`,
    }));
}

function withDefaults(parsed: z.output<typeof configSchema>, machine: Machine): Config {
  const { freeze, ...rest } = parsed;
  const { loss, batchSize } = parsed;
  const model: ModelSpec =
    'sizes' in parsed.model ? expandShortModel(parsed.model, outputActivation(loss, parsed.model.sizes.at(-1) ?? 1)) : parsed.model;
  const defaultMetrics: Metric[] = loss.endsWith('Crossentropy') ? ['accuracy'] : [];
  const hasOwnValidation = 'validation' in parsed.data && parsed.data.validation !== undefined;
  const workers = parsed.workers ?? defaultWorkers(parsed, machine);
  return {
    ...rest,
    ...(parsed.epochs === undefined && parsed.steps === undefined ? { epochs: 10 } : {}),
    model: frozen(model, freeze),
    metrics: parsed.metrics ?? defaultMetrics,
    validationSplit: parsed.validationSplit ?? (hasOwnValidation ? 0 : 0.2),
    workers,
    shards: parsed.shards ?? Math.min(batchSize, Math.max(4, 2 ** Math.ceil(Math.log2(workers)))),
  };
}

/** One a GPU, where they are asked for; else one a core, but for batches that are too small to share among so many. */
function defaultWorkers({ device, batchSize }: Pick<Config, 'device' | 'batchSize'>, { cores, gpus = 0 }: Machine): number {
  if (device === 'gpu' && gpus > 0) return Math.min(gpus, batchSize);
  if (device !== 'auto' && device !== 'cpu') return 1;
  return Math.max(1, Math.min(cores, Math.floor(batchSize / 16)));
}

/** What the loss wants the network to give. */
function outputActivation(loss: Loss, outputs: number): Activation {
  if (loss === 'binaryCrossentropy') return 'sigmoid';
  return loss.endsWith('Crossentropy') && outputs > 1 ? 'softmax' : 'linear';
}

function crossChecks(config: Config): Problem[] {
  const problems = modelProblems(config.model);
  const check = (isGood: boolean, path: string, message: string): void => {
    if (!isGood) problems.push({ path, message });
  };
  const outputs = config.model.layers.findLast((layer): layer is DenseLayer => layer.kind === 'dense')?.units ?? 0;
  const isFromTwo = config.from !== undefined && config.initialWeights !== undefined;
  check(!isFromTwo, 'from', 'expected from or initialWeights, got both: weights can begin as those of one file');
  const isTrained = config.model.layers.some((layer) => layer.kind === 'dense' && layer.trainable);
  check(isTrained || outputs === 0, 'model', 'expected a dense layer that is trained, got none: freeze fewer');
  const isCategorical = config.loss === 'categoricalCrossentropy' || config.loss === 'sparseCategoricalCrossentropy';
  check(
    !isCategorical || outputs !== 1,
    'loss',
    `${config.loss} needs a last layer of at least 2 units, got ${outputs}; for two classes in one unit take binaryCrossentropy, for numbers (regression) meanSquaredError`,
  );
  const problem = precisionProblem(config, config.precision);
  check(problem === undefined, 'precision', problem ?? '');
  check(config.shards <= config.batchSize, 'shards', `expected at most batchSize (${config.batchSize}), got ${config.shards}`);
  check(config.minWorkers <= config.workers, 'minWorkers', `expected at most workers (${config.workers}), got ${config.minWorkers}`);
  check(
    !(config.mixedNumerics && config.topology === 'tree'),
    'topology',
    'expected auto or star with mixedNumerics: what each worker computes with is settled with the coordinator itself',
  );
  check(new Set(config.metrics).size === config.metrics.length, 'metrics', `expected each metric once, got ${show(config.metrics)}`);
  const hasOwnValidation = 'validation' in config.data && config.data.validation !== undefined;
  check(
    !(hasOwnValidation && config.validationSplit > 0),
    'validationSplit',
    'expected 0 with data.validation, which is the validation set',
  );

  const figures = figureNames(config);
  const monitors: [string, string | undefined][] = [
    ['earlyStopping.monitor', config.earlyStopping?.monitor],
    ['reduceOnPlateau.monitor', config.reduceOnPlateau?.monitor],
    ['checkpoint.monitor', config.checkpoint.monitor],
  ];
  for (const [path, monitor] of monitors) {
    const isKnown = monitor === undefined || figures.includes(monitor);
    check(
      isKnown,
      path,
      `expected one of ${figures.join(', ')}, got ${show(monitor)}${monitor === undefined ? '' : suggestion(monitor, figures)}`,
    );
  }
  const { schedule } = config.optimizer.learningRate;
  check(!config.reduceOnPlateau || schedule === 'constant', 'reduceOnPlateau', `needs a constant learning rate, got schedule ${schedule}`);
  return problems;
}
