import { z } from 'zod';
import type { OptimizerSpec, Schedule } from '../../shared/config/optimizerSchema.js';
import type { Loss, Metric } from '../../shared/model/spec.js';
import { snakeCase } from '../../shared/text/snakeCase.js';
import type { ModelMetadata } from '../metadata.js';
import type { KerasObject } from './kerasLayers.js';

/** What a model is compiled with, in Keras's words. */
export interface CompileConfig {
  readonly loss: string | null;
  readonly metrics: readonly string[];
  readonly optimizer: KerasObject;
}

const lossNames: Readonly<Record<Loss, string>> = {
  categoricalCrossentropy: 'categorical_crossentropy',
  sparseCategoricalCrossentropy: 'sparse_categorical_crossentropy',
  binaryCrossentropy: 'binary_crossentropy',
  meanSquaredError: 'mean_squared_error',
  meanAbsoluteError: 'mean_absolute_error',
};

/** Other names that Keras has for the same. */
const otherLosses: ReadonlyMap<string, Loss> = new Map([
  ['mse', 'meanSquaredError'],
  ['mae', 'meanAbsoluteError'],
]);

const metricNames: ReadonlyMap<string, Metric> = new Map([
  ['accuracy', 'accuracy'],
  ['acc', 'accuracy'],
  ['categorical_accuracy', 'accuracy'],
  ['sparse_categorical_accuracy', 'accuracy'],
  ['binary_accuracy', 'accuracy'],
  ['mae', 'mae'],
  ['mean_absolute_error', 'mae'],
  ['mse', 'mse'],
  ['mean_squared_error', 'mse'],
]);

/** Loss, metrics and optimizer as Keras's `compile` takes them. */
export function compileConfig({ loss, metrics = [] }: ModelMetadata, optimizer: OptimizerSpec): CompileConfig {
  return { loss: loss === undefined ? null : lossNames[loss], metrics: [...metrics], optimizer: optimizerObject(optimizer) };
}

const named = z.object({
  class_name: z.string(),
  config: z.looseObject({ from_logits: z.boolean().optional(), label_smoothing: z.number().optional(), fn: z.string().optional() }),
});
const compiled = z.object({ loss: z.unknown(), metrics: z.unknown() });

/** What a Keras model was compiled for, as far as we have it: other losses and metrics are passed over. */
export function readCompiled(config: unknown): Pick<ModelMetadata, 'loss' | 'metrics'> {
  const result = compiled.partial().safeParse(config);
  if (!result.success) return {};
  const loss = lossOf(result.data.loss);
  const metrics = [...new Set(metricsOf(result.data.metrics))];
  return { ...(loss && { loss }), ...(metrics.length > 0 && { metrics }) };
}

function lossOf(value: unknown): Loss | undefined {
  const { success, data } = named.safeParse(value);
  // Ours are of probabilities, and of targets as they are.
  if (success && (data.config.from_logits || (data.config.label_smoothing ?? 0) > 0)) return undefined;
  const name = success ? snakeCase(data.class_name) : String(value);
  const found = (Object.keys(lossNames) as Loss[]).find((loss) => lossNames[loss] === name);
  return found ?? otherLosses.get(name);
}

/** Keras 2 puts a list for each output around them. */
function metricsOf(value: unknown): Metric[] {
  if (Array.isArray(value)) return value.flatMap(metricsOf);
  const { success, data } = named.safeParse(value);
  const found = metricNames.get(success ? (data.config.fn ?? snakeCase(data.class_name)) : String(value));
  return found ? [found] : [];
}

/** The classes of Keras's optimizers. */
const optimizerClasses: Readonly<Record<OptimizerSpec['name'], string>> = { adam: 'Adam', adamw: 'AdamW', sgd: 'SGD', rmsprop: 'RMSprop' };

/** Only what every version has: the optimizers of before TensorFlow 2.11 refuse arguments that came later. */
function optimizerObject(spec: OptimizerSpec): KerasObject {
  const common = {
    name: optimizerClasses[spec.name],
    learning_rate: learningRate(spec.learningRate),
    clipnorm: spec.clipNorm,
    global_clipnorm: spec.globalClipNorm,
    clipvalue: spec.clipValue,
  };
  const given = Object.entries({ ...common, ...settings(spec) }).filter(([, value]) => value !== undefined);
  return { class_name: optimizerClasses[spec.name], config: Object.fromEntries(given) };
}

function settings(spec: OptimizerSpec): Record<string, unknown> {
  switch (spec.name) {
    case 'adam':
    case 'adamw': {
      const decay = spec.name === 'adamw' ? { weight_decay: spec.weightDecay } : {};
      return { beta_1: spec.beta1, beta_2: spec.beta2, epsilon: spec.epsilon, amsgrad: false, ...decay };
    }
    case 'sgd':
      return { momentum: spec.momentum, nesterov: spec.nesterov };
    case 'rmsprop':
      return { rho: spec.rho, momentum: spec.momentum, epsilon: spec.epsilon, centered: false };
  }
}

/** A number or a schedule of Keras's. Only its cosine has a warm-up, which it begins at our first rate; see `warmupNote`. */
function learningRate(schedule: Schedule): number | KerasObject {
  const { schedule: name, warmupSteps } = schedule;
  switch (schedule.schedule) {
    case 'constant':
      return schedule.initial;
    case 'piecewiseConstant': {
      const boundaries = schedule.boundaries.map((boundary) => boundary + warmupSteps);
      return scheduleObject('PiecewiseConstantDecay', { boundaries, values: schedule.values, name });
    }
  }
  const initial = { initial_learning_rate: schedule.initial, decay_steps: schedule.decaySteps, name };
  switch (schedule.schedule) {
    case 'exponentialDecay':
      return scheduleObject('ExponentialDecay', { ...initial, decay_rate: schedule.decayRate, staircase: schedule.staircase });
    case 'cosineDecay': {
      const first = schedule.initial / warmupSteps;
      const warmup = { initial_learning_rate: first, warmup_target: schedule.initial, warmup_steps: warmupSteps };
      return scheduleObject('CosineDecay', { ...initial, alpha: schedule.alpha, ...(warmupSteps > 0 && warmup) });
    }
    case 'polynomialDecay': {
      const { end, power, cycle } = schedule;
      return scheduleObject('PolynomialDecay', { ...initial, end_learning_rate: end, power, cycle });
    }
  }
}

/** With its module, without which Keras 3 does not find it in a .h5 file either. */
function scheduleObject(name: string, config: KerasObject['config']): KerasObject {
  const place = { module: 'keras.optimizers.schedules', registered_name: null };
  return { ...place, class_name: name, config };
}

/** What Keras's files lack of a warm-up; undefined where that is nothing. */
export function warmupNote({ learningRate: { schedule, warmupSteps } }: OptimizerSpec): string | undefined {
  if (warmupSteps === 0 || schedule === 'cosineDecay') return undefined;
  const rate = {
    constant: 'the file has the rate after it',
    piecewiseConstant: 'the file has the first rate in its place',
    exponentialDecay: `the file's decay begins ${warmupSteps} steps earlier`,
    polynomialDecay: `the file's decay begins ${warmupSteps} steps earlier`,
  }[schedule];
  return `Keras has no warm-up for ${schedule} (warmupSteps: ${warmupSteps}): ${rate}; only cosineDecay keeps its warm-up`;
}
