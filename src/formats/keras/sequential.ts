import { z } from 'zod';
import { type ParameterLayout, parameterLayout, viewOf } from '../../shared/model/layout.js';
import { buildNetwork, modelProblems } from '../../shared/model/network.js';
import { sizeOf } from '../../shared/model/shape.js';
import {
  type Activation,
  activations,
  type DenseLayer,
  type Initializer,
  type Layer,
  leakyReluSlope,
  type ModelSpec,
} from '../../shared/model/spec.js';
import { DataError } from '../../shared/text/errors.js';
import { ownName } from '../layerName.js';
import type { ModelMetadata } from '../metadata.js';
import type { SavedModel } from '../savedModel.js';
import { type FrontLayer, frontLayer, learnedArrays, preparationOf } from './frontLayers.js';
import { readConfig } from './kerasConfig.js';
import { type KerasObject, varianceScalings } from './kerasLayers.js';
import type { LayerChain } from './modelConfig.js';
import { isNoiseLayer, regularizerOf, trainingOnly } from './trainingOnly.js';

/** A model as we compute it, and what to read of its file. */
export interface Sequential {
  readonly spec: ModelSpec;
  /** Parameters, and behind them what layers in front of the model have learned. */
  readonly stored: ParameterLayout;
  /** What the file calls them, in their order. */
  readonly weightNames: readonly string[];
  readonly front: readonly FrontLayer[];
  readonly onlyInTraining: readonly string[];
}

/** An activation's name, or a function that Keras has serialized; Keras 3's leaky_relu has our slope. */
const activation = z.preprocess((value) => {
  const name = typeof value === 'object' && value !== null && 'config' in value ? value.config : value;
  return name === 'leaky_relu' ? 'leakyRelu' : name;
}, z.enum(activations));
const object = z.object({ class_name: z.string(), config: z.record(z.string(), z.unknown()) });
// Keras keeps the slope as float32.
const slope = z.number().refine((alpha) => Math.fround(alpha) === Math.fround(leakyReluSlope), `expected ${leakyReluSlope}`);

/** What we need of each layer's arguments; the others change nothing in what a trained model gives. */
const configs = {
  named: z.object({ name: z.string().default('without a name') }),
  /** Batches may have a fixed size, which is that of training. */
  shape: z
    .tuple([z.int().min(1).nullable()], z.int().min(1))
    .refine((shape) => shape.length > 1, { path: [0], error: 'expected null or a batch size, and the shape of a sample behind it' }),
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
    kernel_regularizer: z.unknown().optional(),
    bias_regularizer: z.unknown().optional(),
  }),
};

/** Layers that are the activation of the dense layer before them. */
function activationOf(kind: string, config: unknown, what: string): Activation | undefined {
  switch (kind) {
    case 'Activation':
      return readConfig(configs.activation, config, what).activation;
    case 'LeakyReLU':
      readConfig(configs.leakyRelu, config, what);
      return 'leakyRelu';
    case 'ReLU':
      readConfig(configs.relu, config, what);
      return 'relu';
    case 'ELU':
      readConfig(configs.elu, config, what);
      return 'elu';
    case 'Softmax':
      readConfig(configs.softmax, config, what);
      return 'softmax';
    default:
      return undefined;
  }
}

/**
 * Reads the layers of a model: those that we write, and InputLayer, Flatten, Dense, Dropout and activations as Keras and
 * tfjs write them; in front, Rescaling and Normalization. Initial values play no part in a trained model: initializers
 * without a name here read as glorotUniform.
 * @param path for messages
 * @throws DataError naming the layer that cannot be read
 */
export function readSequential({ layers: keras, buildInputShape }: LayerChain, path: string): Sequential {
  const shape = inputShape(keras, buildInputShape, path);
  const layers: Layer[] = [];
  const weightNames: string[] = [];
  const front: FrontLayer[] = [];
  const onlyInTraining: string[] = [];
  let denseCount = 0;
  for (const { class_name: kind, config } of keras) {
    const { name } = readConfig(configs.named, config, `${path}: a layer (${kind})`);
    const what = `${path}: layer ${name} (${kind})`;
    onlyInTraining.push(...trainingOnly(kind, config).map((lack) => `layer ${name}: ${lack}`));
    if (isNoiseLayer(kind)) continue;
    switch (kind) {
      case 'InputLayer':
        break;
      case 'Flatten':
        readConfig(configs.flatten, config, what);
        layers.push({ kind: 'flatten' });
        break;
      case 'Dropout':
        layers.push({ kind: 'dropout', rate: readConfig(configs.dropout, config, what).rate });
        break;
      case 'Dense': {
        const layer = denseLayer(readConfig(configs.dense, config, what));
        layers.push({ ...layer, ...ownName(name, denseCount++) });
        weightNames.push(`${name}/kernel`, ...(layer.useBias ? [`${name}/bias`] : []));
        break;
      }
      case 'Rescaling':
      case 'Normalization': {
        if (layers.some((layer) => layer.kind !== 'flatten'))
          throw new DataError(`${what}: expected it in front of the first Dense or Dropout layer`);
        front.push(frontLayer(kind, name, config, layers.length === 0 ? shape : [sizeOf(shape)], what));
        break;
      }
      default: {
        const found = activationOf(kind, config, what);
        if (found === undefined) {
          throw new DataError(
            `${what}: expected one of InputLayer, Flatten, Dense, Dropout, Activation, ReLU, LeakyReLU, ELU, Softmax, Rescaling, Normalization: there is no other layer here`,
          );
        }
        layers.push(activated(layers.pop(), found, what));
      }
    }
  }
  const spec = { inputShape: shape, layers };
  const [problem] = modelProblems(spec);
  if (problem) throw new DataError(`${path}: ${problem.path}: ${problem.message}`);
  const learned = front.flatMap(learnedArrays);
  const stored = parameterLayout([...buildNetwork(spec).layout.parameters, ...learned]);
  return { spec, stored, weightNames: [...weightNames, ...learned.map(({ name }) => name)], front, onlyInTraining };
}

/** Where Keras puts an array among those of its layer. */
export function storedIndex(array: string): 0 | 1 {
  return array === 'kernel' || array === 'mean' ? 0 : 1;
}

/**
 * The model, once its file is read.
 * @param values in the order of `stored`
 */
export function savedModel({ spec, stored, front, onlyInTraining }: Sequential, values: Float32Array, metadata: ModelMetadata): SavedModel {
  const arrays = new Map(stored.parameters.map((parameter) => [parameter.name, viewOf(values, parameter)]));
  const normalize = preparationOf(front, arrays);
  return {
    spec,
    weights: normalize ? values.slice(0, buildNetwork(spec).layout.size) : values,
    metadata: { ...(normalize && { normalize }), ...metadata },
    ...(onlyInTraining.length > 0 && { onlyInTraining }),
  };
}

function inputShape([first]: readonly KerasObject[], buildInputShape: unknown, path: string): number[] {
  if (!first) throw new DataError(`${path}: expected at least one layer, got none`);
  const { batch_input_shape: keras2, batch_shape: keras3 } = first.config;
  const shape = readConfig(
    configs.shape,
    keras2 ?? keras3 ?? buildInputShape,
    `${path}: first layer (${first.class_name}): its input shape`,
  );
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
    kernelRegularizer: regularizerOf(config.kernel_regularizer),
    biasRegularizer: regularizerOf(config.bias_regularizer),
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
