import { z } from 'zod';
import { type Device, isDevice } from '../engine/device.js';
import { engineNames } from '../engine/engineNames.js';
import { precisions } from '../engine/precision.js';
import { losses, type Metric, type ModelSpec, metrics } from '../model/spec.js';
import type { Shuffle } from '../numbers/random/sampleOrder.js';
import { dataSchema } from './dataSchema.js';
import { choice, fraction, list, notNegative, positive, record, show, text, truth, whole } from './fields.js';
import { modelSchema } from './modelSchema.js';
import { earlyStoppingSchema, optimizerSchema, plateauSchema } from './optimizerSchema.js';
import { longestRunName } from './runName.js';

/** The example of the article this project grew from; what runs when nothing is asked for. */
const articleModel = {
  inputShape: [28, 28],
  layers: ['flatten', { dense: { units: 128, activation: 'relu' } }, { dense: { units: 10, activation: 'softmax' } }],
};

const nameError = ({ input }: { input?: unknown }): string => `expected letters, digits, dots, dashes and underscores, got ${show(input)}`;

/** As in Keras. */
export const defaultBatchSize = 32;

/** Every key of a config, with what it means and its default. */
const device = z.custom<Device>(isDevice, { error: ({ input }) => `expected auto, cpu, gpu, webgpu or cuda:N, got ${show(input)}` });

const units: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** A number of bytes, or text such as `600MB` or `2GiB`. */
const memorySize = z.unknown().transform((value, context): number => {
  const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([KMGT]?i?B)?$/i.exec(String(value)) ?? [];
  const bytes = Math.floor(Number(number) * (units[unit.toUpperCase()] ?? Number.NaN));
  if (bytes >= 1) return bytes;
  context.addIssue({ code: 'custom', message: `expected a number of bytes, or a size such as 600MB, got ${show(value)}` });
  return z.NEVER;
});

export const configSchema = record({
  model: modelSchema.prefault(articleModel).describe('layers, or in short 784-128-10'),
  data: dataSchema.prefault('mnist').describe('mnist, or files as { x: FILE, y: FILE }'),
  loss: choice(losses).default('categoricalCrossentropy').describe('what is minimised'),
  metrics: list(choice(metrics), `a list of ${metrics.join(', ')}`)
    .optional()
    .describe('figures to report; default: accuracy with a crossentropy'),
  optimizer: optimizerSchema.prefault('adam').describe('adam, adamw, sgd or rmsprop, or a mapping with its settings'),
  reduceOnPlateau: plateauSchema.optional(),
  batchSize: whole(1)
    .default(defaultBatchSize)
    .describe('samples of one step, over all workers; all training samples where they are fewer'),
  epochs: whole(1).optional().describe('passes over the training samples, at most; default: 10, or as many as `steps` asks for'),
  steps: whole(1).optional().describe('stop after this many steps'),
  target: notNegative().optional().describe("stop once an epoch's mean training loss is at or under this"),
  validationSplit: fraction()
    .optional()
    .describe('last fraction of the training samples, kept for validation; default: 0.2, or 0 with a validation set'),
  validationBatchSize: whole(1).default(512).describe('samples of one evaluation chunk'),
  shuffle: z
    .union([truth(), choice(['full', 'blocks'])], { error: ({ input }) => `expected true, false, full or blocks, got ${show(input)}` })
    .transform((value): Shuffle => (value === 'full' ? true : value))
    .default(true)
    .describe('draw a new order of the samples every epoch: full, or blocks, which mixes large blocks and the samples of a few at a time'),
  earlyStopping: earlyStoppingSchema.optional(),
  checkpoint: record({
    every: z
      .custom<'epoch' | number>((value) => value === 'epoch' || (Number.isInteger(value) && Number(value) >= 1), {
        error: ({ input }) => `expected epoch or a number of steps, got ${show(input)}`,
      })
      .default('epoch')
      .describe('epoch, or a number of steps'),
    keep: whole(1).default(3).describe('how many checkpoints are kept'),
    monitor: text('a figure such as valLoss').optional().describe('figure that says which model is best; default: valLoss, else loss'),
    format: choice(['keras-h5', 'keras'])
      .optional()
      .describe('writes the best model as best_model.h5 or best_model.keras too, with the state of the optimizer, for Keras to load'),
    saveBestOnly: truth().default(true).describe('false keeps the model of every epoch too'),
  }).prefault({}),
  initialWeights: text('a file of weights').optional().describe('flat little-endian float32 weights to start from'),
  from: text('a model')
    .optional()
    .describe('model to start from: a run, a Keras .h5 or .keras file, a tfjs model.json, or an ONNX file; with `model`, only its weights'),
  freeze: list(text('the name of a layer'), 'a list of names of dense layers')
    .optional()
    .describe('dense layers that training leaves as they are, by name'),
  workers: whole(1, 4096)
    .optional()
    .describe('worker processes; default: one a GPU with device gpu, else the smaller of the cores and batchSize / 16'),
  minWorkers: whole(1).default(1).describe('how many workers the run needs at least'),
  shards: whole(1).optional().describe('parts a global batch is cut into; default: workers, as a power of two, at least 4'),
  engine: choice(engineNames).default('auto').describe('what computes the gradients'),
  device: device.default('auto').describe('what engines compute on: auto, cpu, gpu, webgpu, or cuda:N for one of several'),
  precision: choice(precisions)
    .default('fp32')
    .describe('of the factors and results of matrix products, each of which is added up in float32; weights and all else stay float32'),
  mixedNumerics: truth()
    .default(false)
    .describe('let workers of different engines or processors train together: the weights then depend on who computes what'),
  transport: choice(['auto', 'shm', 'socket'])
    .default('auto')
    .describe('how tensors reach workers that up starts: shared memory (where there is some) or sockets'),
  topology: choice(['auto', 'star', 'tree'])
    .default('auto')
    .describe('whether workers on other machines are below aggregators, which add their gradients up; auto: where one has come'),
  fanIn: whole(2).default(4).describe('how many aggregators are connected to one node at most; further ones stand below those'),
  compression: choice(['none', 'bf16', 'fp16'])
    .default('none')
    .describe('rounds weights and gradients of shards to 16 bits: half the traffic for remote workers of one shard, other results'),
  memoryLimit: memorySize
    .optional()
    .describe(
      'memory that one worker may take, in bytes or as 600MB: larger data are read from their files; default: half of the machine for all',
    ),
  threads: whole(1).default(1).describe('threads of one worker'),
  seed: whole(0, 2 ** 32 - 1)
    .default(1)
    .describe('start of everything random'),
  name: z
    .string({ error: nameError })
    .regex(/^\w[\w.-]*$/, { error: nameError })
    .max(longestRunName, { error: ({ input }) => `expected at most ${longestRunName} characters, got ${String(input).length}` })
    .optional()
    .describe("name of the run's folder; default: the config's name and the time"),
  runs: text('a folder').default('runs').describe('folder that holds the runs'),
  resolved: record({
    engine: choice(engineNames),
    device: device.optional(),
    provider: z.string(),
    library: z.string(),
    probe: z.string(),
    fingerprint: z.string(),
    run: z.string().optional(),
    version: z.string(),
  })
    .optional()
    .describe('what the run used; written by the run itself'),
  tensorboard: truth().default(true).describe("write an event file for TensorBoard into the run's folder"),
  onNonFinite: choice(['stop', 'skip'])
    .default('stop')
    .describe('what a loss or gradient that stays not finite does: ends the run, or drops the step'),
  maxSkipped: whole(1).default(10).describe('how many steps in a row may be dropped'),
  maxRestarts: whole(0).default(3).describe('how often a worker that was started by the run and dies is started again'),
  workerTimeout: positive().default(60).describe('seconds a run waits once it has fewer than minWorkers'),
  gracePeriod: positive().default(10).describe('seconds to finish the step and save in, once told to stop'),
  stepTimeout: positive()
    .optional()
    .describe('seconds a worker may take for its part of a step; default: the larger of 30 and 20 times the median step'),
  startTimeout: positive().default(30).describe('seconds to wait for more workers once the first is ready'),
  prepareTimeout: positive().default(600).describe('seconds a worker may take to load data and engine'),
});

type Parsed = z.output<typeof configSchema>;

/** A config with all defaults filled in that do not depend on the data. */
export type Config = Omit<Parsed, 'model' | 'freeze' | 'metrics' | 'validationSplit' | 'workers' | 'shards'> & {
  readonly model: ModelSpec;
  readonly metrics: readonly Metric[];
  readonly validationSplit: number;
  readonly workers: number;
  readonly shards: number;
};
