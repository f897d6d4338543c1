import { z } from 'zod';
import { show } from '../../shared/config/fields.js';
import { DataError } from '../../shared/errors.js';
import { modelProblems } from '../../shared/model/network.js';
import { activations, type DenseLayer, type Initializer, type Layer, leakyReluSlope, type ModelSpec } from '../../shared/model/spec.js';
import { type KerasObject, varianceScalings } from './kerasLayers.js';

/** A Sequential model as we compute it, and what its file calls its weights. */
export interface Sequential {
  readonly spec: ModelSpec;
  /** Names of the weights, in the order of the parameter layout. */
  readonly weightNames: readonly string[];
}

const activation = z.enum(activations).exclude(['leakyRelu']);
const object = z.object({ class_name: z.string(), config: z.record(z.string(), z.unknown()) });
const regularizer = z.object({ config: z.object({ l1: z.number().default(0), l2: z.number().default(0) }) }).nullish();

/** What we need of each layer's arguments; the others change nothing in what a trained model gives. */
const configs = {
  named: z.object({ name: z.string().default('without a name') }),
  input: z.object({ batch_input_shape: z.tuple([z.null()], z.int().min(1)) }),
  flatten: z.object({ data_format: z.enum(['channels_last', 'channelsLast']).nullish() }),
  dropout: z.object({ rate: z.number().min(0).lt(1) }),
  // Keras keeps the slope as float32.
  leakyRelu: z.object({
    alpha: z.number().refine((alpha) => Math.fround(alpha) === Math.fround(leakyReluSlope), `expected ${leakyReluSlope}`),
  }),
  activation: z.object({ activation }),
  dense: z.object({
    units: z.int().min(1),
    activation: activation.default('linear'),
    use_bias: z.boolean().default(true),
    kernel_initializer: object.nullish(),
    kernel_regularizer: regularizer,
    bias_regularizer: regularizer,
  }),
};

/**
 * Reads the layers of a Sequential model: those that we write, and Flatten, Dense, Dropout, LeakyReLU and Activation as
 * tfjs writes them. Initial values play no part in a trained model: initializers without a name here read as glorotUniform.
 * @param path for messages
 * @throws DataError naming the layer that cannot be read
 */
export function readSequential(keras: readonly KerasObject[], path: string): Sequential {
  const layers: Layer[] = [];
  const weightNames: string[] = [];
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
        layers.push(layer);
        weightNames.push(`${name}/kernel`, ...(layer.useBias ? [`${name}/bias`] : []));
        break;
      }
      case 'LeakyReLU':
        read(configs.leakyRelu, config, what);
        layers.push(activated(layers.pop(), 'leakyRelu', what));
        break;
      case 'Activation':
        layers.push(activated(layers.pop(), read(configs.activation, config, what).activation, what));
        break;
      default:
        throw new DataError(`${what}: expected one of InputLayer, Flatten, Dense, Dropout, LeakyReLU, Activation`);
    }
  }
  const spec = { inputShape: inputShape(keras, path), layers };
  const [problem] = modelProblems(spec);
  if (problem) throw new DataError(`${path}: ${problem.path}: ${problem.message}`);
  return { spec, weightNames };
}

function inputShape([first]: readonly KerasObject[], path: string): number[] {
  if (!first) throw new DataError(`${path}: expected at least one layer, got none`);
  const { batch_input_shape: shape } = read(configs.input, first.config, `${path}: first layer (${first.class_name})`);
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
  };
}

/** Our activations belong to a dense layer. */
function activated(layer: Layer | undefined, name: DenseLayer['activation'], what: string): Layer {
  if (layer?.kind === 'dense' && layer.activation === 'linear') return { ...layer, activation: name };
  const got = layer?.kind === 'dense' ? `a Dense layer with activation ${layer.activation}` : (layer?.kind ?? 'nothing');
  throw new DataError(`${what}: expected a Dense layer with linear activation before it, got ${got}`);
}

function initializer(saved: KerasObject | null | undefined): Initializer {
  if (saved?.class_name === 'Zeros') return 'zeros';
  const { glorotUniform, ...others } = varianceScalings;
  const isSame = ({ scale, mode, distribution }: typeof glorotUniform): boolean =>
    saved?.config['scale'] === scale && saved.config['mode'] === mode && saved.config['distribution'] === distribution;
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
