import { z } from 'zod';
import { activations, type DenseLayer, initializers, type Layer, type ModelSpec } from '../model/spec.js';
import { choice, fraction, list, notNegative, readWith, record, show, suggestion, truth, whole } from './fields.js';

const regularizer = () =>
  record({
    l1: notNegative().default(0).describe('adds l1 * sum |w| to the loss'),
    l2: notNegative().default(0).describe('adds l2 * sum w^2 to the loss'),
  }).prefault({});

const nameError = ({ input }: { input?: unknown }): string => `expected a name without slashes or spaces, got ${show(input)}`;

const dense = record({
  name: z
    .string({ error: nameError })
    .regex(/^[^/\s]+$/, { error: nameError })
    .optional()
    .describe('what the layer is called; default: dense and its number'),
  units: whole(1),
  activation: choice(activations).default('linear'),
  useBias: truth().default(true),
  kernelInitializer: choice(initializers).default('glorotUniform'),
  kernelRegularizer: regularizer(),
  biasRegularizer: regularizer(),
  trainable: truth().default(true).describe('false leaves the layer as it is'),
});

/** A layer stands as `flatten`, `dense: { units: 128 }` or `dropout: 0.5`. */
const layer = z.unknown().transform((value, context): Layer => {
  const [kind, body] = nameAndBody(value);
  switch (kind) {
    case 'flatten':
      return { kind };
    case 'dense':
      return { kind, ...readWith(dense, typeof body === 'number' ? { units: body } : body, context, [kind]) };
    case 'dropout':
      return { kind, rate: readWith(fraction(), isRecord(body) && 'rate' in body ? body['rate'] : body, context, [kind]) };
    default: {
      const hint = kind === undefined ? '' : suggestion(kind, ['flatten', 'dense', 'dropout']);
      context.addIssue({
        code: 'custom',
        message: `expected a layer (flatten, dense: { units: N } or dropout: RATE), got ${show(value)}${hint}`,
      });
      return z.NEVER;
    }
  }
});

const model = record({
  inputShape: list(whole(1), 'a list of whole numbers, such as [28, 28]', 1).describe('shape of one sample'),
  layers: list(layer, 'a list of layers', 1),
});

/** A model as a mapping, or in short as `784-128-10`: hidden layers with relu, and the last layer as the loss asks for. */
export const modelSchema = z.unknown().transform((value, context): ModelSpec | ShortModel => {
  if (typeof value !== 'string') return readWith(model, value, context, []);
  const sizes = /^\d+(-\d+)+$/.test(value) ? value.split('-').map(Number) : [];
  if (sizes.length >= 2 && sizes.every((size) => size > 0)) return { sizes };
  context.addIssue({ code: 'custom', message: `expected layer sizes such as 784-128-10, got ${show(value)}` });
  return z.NEVER;
});

export interface ShortModel {
  readonly sizes: readonly number[];
}

/** Writes a short model out; `outputActivation` is the last layer's. */
export function expandShortModel({ sizes }: ShortModel, outputActivation: DenseLayer['activation']): ModelSpec {
  const [inputs = 0, ...units] = sizes;
  const layers = units.map((count, i) => dense.parse({ units: count, activation: i === units.length - 1 ? outputActivation : 'relu' }));
  return { inputShape: [inputs], layers: layers.map((body): DenseLayer => ({ kind: 'dense', ...body })) };
}

function nameAndBody(value: unknown): [string | undefined, unknown] {
  if (typeof value === 'string') return [value, undefined];
  if (!isRecord(value)) return [undefined, undefined];
  const [entry, ...others] = Object.entries(value);
  return entry && others.length === 0 ? entry : [undefined, undefined];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
