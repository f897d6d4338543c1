import { z } from 'zod';
import {
  anyNumber,
  choice,
  fraction,
  list,
  notNegative,
  positive,
  readWith,
  record,
  show,
  suggestion,
  text,
  truth,
  whole,
} from './fields.js';

const warmupSteps = whole(0).default(0).describe('steps over which the rate first rises linearly; the schedule counts from their end');

const schedules = {
  constant: record({ schedule: z.literal('constant'), initial: notNegative(), warmupSteps }),
  exponentialDecay: record({
    schedule: z.literal('exponentialDecay'),
    initial: notNegative(),
    decaySteps: whole(1),
    decayRate: positive(),
    staircase: truth().default(false),
    warmupSteps,
  }),
  cosineDecay: record({
    schedule: z.literal('cosineDecay'),
    initial: notNegative(),
    decaySteps: whole(1).optional(),
    alpha: notNegative().default(0),
    warmupSteps,
  }),
  piecewiseConstant: record({
    schedule: z.literal('piecewiseConstant'),
    boundaries: list(whole(0), 'a list of steps', 1),
    values: list(notNegative(), 'a list of learning rates', 2),
    warmupSteps,
  }),
  polynomialDecay: record({
    schedule: z.literal('polynomialDecay'),
    initial: notNegative(),
    decaySteps: whole(1).optional(),
    end: notNegative().default(0.0001),
    power: positive().default(1),
    cycle: truth().default(false),
    warmupSteps,
  }),
} as const;

const scheduleNames = ['constant', 'exponentialDecay', 'cosineDecay', 'piecewiseConstant', 'polynomialDecay'] as const;

export type Schedule = z.output<(typeof schedules)[keyof typeof schedules]>;

/** A number, or a schedule of the global step. */
const learningRate = z.unknown().transform((value, context): Schedule => {
  if (typeof value !== 'object' || value === null) {
    return { schedule: 'constant', initial: readWith(notNegative(), value, context, []), warmupSteps: 0 };
  }
  const name = 'schedule' in value ? value.schedule : undefined;
  const known = scheduleNames.find((n) => n === name);
  if (known === undefined) {
    readWith(choice(scheduleNames), name, context, ['schedule']);
    return z.NEVER;
  }
  const schedule: Schedule = readWith(schedules[known], value, context, []);
  if (schedule?.schedule === 'piecewiseConstant') {
    const { boundaries, values } = schedule;
    if (values.length !== boundaries.length + 1) {
      const message = `expected one value more than the ${boundaries.length} boundaries, got ${values.length}`;
      context.addIssue({ code: 'custom', path: ['values'], message });
    }
    if (boundaries.some((step, i) => i > 0 && step <= (boundaries[i - 1] ?? 0))) {
      context.addIssue({ code: 'custom', path: ['boundaries'], message: `expected rising steps, got ${show(boundaries)}` });
    }
  }
  return schedule;
});

const common = {
  learningRate: learningRate.prefault(0.001),
  clipNorm: positive().optional().describe('scales the gradient of each parameter down to this norm'),
  globalClipNorm: positive().optional().describe('scales the whole gradient down to this norm'),
  clipValue: positive().optional().describe('cuts every value of the gradient to within +- this'),
};

const optimizers = {
  adam: record({
    name: z.literal('adam'),
    ...common,
    beta1: fraction().default(0.9),
    beta2: fraction().default(0.999),
    epsilon: positive().default(1e-7),
  }),
  adamw: record({
    name: z.literal('adamw'),
    ...common,
    beta1: fraction().default(0.9),
    beta2: fraction().default(0.999),
    epsilon: positive().default(1e-7),
    weightDecay: notNegative().default(0.004),
  }),
  sgd: record({
    name: z.literal('sgd'),
    ...common,
    learningRate: learningRate.prefault(0.01),
    momentum: fraction().default(0),
    nesterov: truth().default(false),
  }),
  rmsprop: record({
    name: z.literal('rmsprop'),
    ...common,
    rho: fraction().default(0.9),
    momentum: fraction().default(0),
    epsilon: positive().default(1e-7),
  }),
} as const;

const optimizerNames = ['adam', 'adamw', 'sgd', 'rmsprop'] as const;

/** Keys of the optimizers. */
export const optimizerKeys = [...new Set(Object.values(optimizers).flatMap(({ shape }) => Object.keys(shape)))];

export type OptimizerSpec = z.output<(typeof optimizers)[keyof typeof optimizers]>;

/** An optimizer's name, or a mapping with its settings and, unless it is adam, `name`; defaults are Keras's. */
export const optimizerSchema = z.unknown().transform((value, context): OptimizerSpec => {
  const body = typeof value === 'string' ? { name: value } : typeof value === 'object' ? { name: 'adam', ...value } : undefined;
  const name = body?.name;
  const known = optimizerNames.find((n) => n === name);
  if (known === undefined) {
    const hint = typeof name === 'string' ? suggestion(name, optimizerNames) : '';
    const message = `expected one of ${optimizerNames.join(', ')}, got ${show(name ?? value)}${hint}`;
    context.addIssue({ code: 'custom', path: name === undefined ? [] : ['name'], message });
    return z.NEVER;
  }
  const spec: OptimizerSpec = readWith(optimizers[known], body, context, []);
  const clips = (['clipNorm', 'globalClipNorm', 'clipValue'] as const).filter((key) => spec?.[key] !== undefined);
  if (clips.length > 1) {
    context.addIssue({
      code: 'custom',
      message: `expected at most one of clipNorm, globalClipNorm and clipValue, got ${clips.join(' and ')}`,
    });
  }
  return spec;
});

/** Multiplies the learning rate when the monitored figure has stopped improving (Keras's ReduceLROnPlateau). */
export const plateauSchema = record({
  monitor: text('a figure such as valLoss').default('valLoss').describe('figure to watch'),
  mode: choice(['auto', 'min', 'max']).default('auto').describe('is the figure to fall or to rise; auto: accuracy rises, all else falls'),
  factor: fraction().default(0.1).describe('what the rate is multiplied by'),
  patience: whole(0).default(10).describe('epochs without improvement that it waits'),
  minDelta: notNegative().default(0.0001).describe('smallest change that counts as an improvement'),
  cooldown: whole(0).default(0).describe('epochs it pauses after a cut'),
  minLearningRate: notNegative().default(0).describe('never goes below'),
});

/** Stops when the monitored figure has stopped improving (Keras's EarlyStopping). */
export const earlyStoppingSchema = record({
  monitor: text('a figure such as valLoss').default('valLoss').describe('figure to watch'),
  mode: choice(['auto', 'min', 'max']).default('auto').describe('is the figure to fall or to rise; auto: accuracy rises, all else falls'),
  minDelta: notNegative().default(0).describe('smallest change that counts as an improvement'),
  patience: whole(0).default(0).describe('epochs without improvement that it waits'),
  baseline: anyNumber().optional().describe('stop unless the figure gets better than this'),
  restoreBestWeights: truth().default(false).describe('end with the weights of the best epoch'),
  startFromEpoch: whole(0).default(0).describe('epochs before it starts to watch'),
});
