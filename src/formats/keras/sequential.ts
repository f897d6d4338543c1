import { z } from 'zod';
import { show } from '../../shared/config/fields.js';
import { DataError } from '../../shared/errors.js';
import { modelProblems } from '../../shared/model/network.js';
import {
  type Activation,
  activations,
  type DenseLayer,
  type Initializer,
  type Layer,
  leakyReluSlope,
  type ModelSpec,
} from '../../shared/model/spec.js';
import { ownName } from '../layerName.js';
import { type KerasObject, varianceScalings } from './kerasLayers.js';
import type { LayerChain } from './modelConfig.js';

/** A model as we compute it, and what its file calls its weights. */
export interface Sequential {
  readonly spec: ModelSpec;
  /** Names of the weights, in the order of the parameter layout. */
  readonly weightNames: readonly string[];
}

/** An activation's name, or a function that Keras has serialized; Keras 3's leaky_relu has our slope. */
const activation = z.preprocess((value) => {
  const name = typeof value === 'object' && value !== null && 'config' in value ? value.config : value;
  return name === 'leaky_relu' ? 'leakyRelu' : name;
}, z.enum(activations));
const object = z.object({ class_name: z.string(), config: z.record(z.string(), z.unknown()) });
const regularizer = z
  .object({
    class_name: z.enum(['L1', 'L2', 'L1L2']),
    config: z.object({ l1: z.number().default(0), l2: z.number().default(0) }),
  })
  .nullish();
// Keras keeps the slope as float32.
const slope = z.number().refine((alpha) => Math.fround(alpha) === Math.fround(leakyReluSlope), `expected ${leakyReluSlope}`);

/** What we need of each layer's arguments; the others change nothing in what a trained model gives. */
const configs = {
  named: z.object({ name: z.string().default('without a name') }),
  shape: z.tuple([z.null()], z.int().min(1)),
  flatten: z.object({ data_format: z.enum(['channels_last', 'channelsLast']).nullish() }),
  dropout: z.object({ rate: z.number().min(0).lt(1) }),
  leakyRelu: z.union([z.object({ negative_slope: slope }), z.object({ alpha: slope })]),
  relu: z.object({
    max_value: z.null('expected null').optional(),
    negative_slope: z.literal(0, 'expected 0').nullish(),
    threshold: z.literal(0, 'expected 0').nullish(),
  }),
  elu: z.object({ alpha: z.literal(1, 'expected 1').default(1) }),
  softmax: z.object({ axis: z.literal(-1, 'expected -1').default(-1) }),
  activation: z.object({ activation }),
  dense: z.object({
    units: z.int().min(1),
    activation: activation.default('linear'),
    use_bias: z.boolean().default(true),
    trainable: z.boolean().default(true),
    kernel_initializer: object.nullish(),
    kernel_regularizer: regularizer,
    bias_regularizer: regularizer,
  }),
};

/** Layers that are the activation of the dense layer before them. */
function activationOf(kind: string, config: unknown, what: string): Activation | undefined {
  switch (kind) {
    case 'Activation':
      return read(configs.activation, config, what).activation;
    case 'LeakyReLU':
      read(configs.leakyRelu, config, what);
      return 'leakyRelu';
    case 'ReLU':
      read(configs.relu, config, what);
      return 'relu';
    case 'ELU':
      read(configs.elu, config, what);
      return 'elu';
    case 'Softmax':
      read(configs.softmax, config, what);
      return 'softmax';
    default:
      return undefined;
  }
}

/**
 * Reads the layers of a model: those that we write, and InputLayer, Flatten, Dense, Dropout and activations as Keras and
 * tfjs write them. Initial values play no part in a trained model: initializers without a name here read as glorotUniform.
 * @param path for messages
 * @throws DataError naming the layer that cannot be read
 */
export function readSequential({ layers: keras, buildInputShape }: LayerChain, path: string): Sequential {
  const layers: Layer[] = [];
  const weightNames: string[] = [];
  let denseCount = 0;
  for (const { class_name: kind, config } of keras) {
    const { name } = read(configs.named, config, `${path}: a layer (${kind})`);
    const what = `${path}: layer ${name} (${kind})`;
    switch (kind) {
      case 'InputLayer':
        break;
      case 'Flatten':
        read(configs.flatten, config, what);
        layers.push({ kind: 'flatten' });
        break;
      case 'Dropout':
        layers.push({ kind: 'dropout', rate: read(configs.dropout, config, what).rate });
        break;
      case 'Dense': {
        const layer = denseLayer(read(configs.dense, config, what));
        layers.push({ ...layer, ...ownName(name, denseCount++) });
        weightNames.push(`${name}/kernel`, ...(layer.useBias ? [`${name}/bias`] : []));
        break;
      }
      default: {
        const found = activationOf(kind, config, what);
        if (found === undefined) {
          throw new DataError(
            `${what}: expected one of InputLayer, Flatten, Dense, Dropout, Activation, ReLU, LeakyReLU, ELU, Softmax: there is no other layer here`,
          );
        }
        layers.push(activated(layers.pop(), found, what));
      }
    }
  }
  const spec = { inputShape: inputShape(keras, buildInputShape, path), layers };
  const [problem] = modelProblems(spec);
  if (problem) throw new DataError(`${path}: ${problem.path}: ${problem.message}`);
  return { spec, weightNames };
}

function inputShape([first]: readonly KerasObject[], buildInputShape: unknown, path: string): number[] {
  if (!first) throw new DataError(`${path}: expected at least one layer, got none`);
  const { batch_input_shape: keras2, batch_shape: keras3 } = first.config;
  const shape = read(configs.shape, keras2 ?? keras3 ?? buildInputShape, `${path}: first layer (${first.class_name}): its input shape`);
  const [, ...sample] = shape;
  return sample;
}

function denseLayer(config: z.output<typeof configs.dense>): DenseLayer {
  return {
    kind: 'dense',
    units: config.units,
    activation: config.activation,
    useBias: config.use_bias,
    kernelInitializer: initializer(config.kernel_initializer),
    kernelRegularizer: config.kernel_regularizer?.config ?? { l1: 0, l2: 0 },
    biasRegularizer: config.bias_regularizer?.config ?? { l1: 0, l2: 0 },
    trainable: config.trainable,
  };
}

/** Our activations belong to a dense layer. */
function activated(layer: Layer | undefined, name: Activation, what: string): Layer {
  if (layer?.kind === 'dense' && layer.activation === 'linear') return { ...layer, activation: name };
  const got = layer?.kind === 'dense' ? `a Dense layer with activation ${layer.activation}` : (layer?.kind ?? 'nothing');
  throw new DataError(`${what}: expected a Dense layer with linear activation before it, got ${got}`);
}

function initializer(saved: KerasObject | null | undefined): Initializer {
  switch (saved?.class_name) {
    case 'Zeros':
      return 'zeros';
    case 'GlorotNormal':
      return 'glorotNormal';
    case 'HeUniform':
      return 'heUniform';
    case 'HeNormal':
      return 'heNormal';
  }
  const { glorotUniform, ...others } = varianceScalings;
  const isSame = ({ scale, mode, distribution }: typeof glorotUniform): boolean =>
    saved?.config['scale'] === scale &&
    saved.config['mode'] === mode &&
    String(saved.config['distribution']).replace('truncated_', '') === distribution;
  if (isSame(others.glorotNormal)) return 'glorotNormal';
  if (isSame(others.heUniform)) return 'heUniform';
  return isSame(others.heNormal) ? 'heNormal' : 'glorotUniform';
}

function read<T extends z.ZodType>(schema: T, config: unknown, what: string): z.output<T> {
  const result = schema.safeParse(config, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError(`${what}: ${issue?.path.join('.')}: ${issue?.message}, got ${show(issue?.input)}`);
}
