import { denseNames } from '../../shared/model/network.js';
import { type DenseLayer, type Initializer, leakyReluSlope, type ModelSpec, type Regularizer } from '../../shared/model/spec.js';

/** A class of Keras and the arguments of its constructor, in snake case. */
export interface KerasObject {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** How tfjs writes its initializers: whatever the name, they are saved as VarianceScaling. */
export const varianceScalings: Readonly<Record<Exclude<Initializer, 'zeros'>, { scale: number; mode: string; distribution: string }>> = {
  glorotUniform: { scale: 1, mode: 'fan_avg', distribution: 'uniform' },
  glorotNormal: { scale: 1, mode: 'fan_avg', distribution: 'normal' },
  heUniform: { scale: 2, mode: 'fan_in', distribution: 'uniform' },
  heNormal: { scale: 2, mode: 'fan_in', distribution: 'normal' },
};

/**
 * The layers of a Sequential model as tfjs and Keras 2 write them, without an InputLayer. leakyRelu, which is no activation
 * of tfjs, becomes a layer of its own; a flatten of what is flat already, which tfjs refuses, is left out.
 */
export function kerasLayers(spec: ModelSpec): KerasObject[] {
  const layers: KerasObject[] = [];
  let isFlat = spec.inputShape.length === 1;
  let denseCount = 0;
  const taken = denseNames(spec);
  const free = (name: string): string => (taken.includes(name) ? free(`${name}_`) : name);
  for (const [i, layer] of spec.layers.entries()) {
    switch (layer.kind) {
      case 'flatten':
        if (!isFlat) layers.push({ class_name: 'Flatten', config: { name: free(`flatten${i}`), trainable: true } });
        isFlat = true;
        break;
      case 'dropout':
        layers.push({
          class_name: 'Dropout',
          config: { name: free(`dropout${i}`), trainable: true, rate: layer.rate, noise_shape: null, seed: null },
        });
        break;
      case 'dense': {
        layers.push(denseLayer(layer, taken[denseCount++] ?? ''));
        if (layer.activation !== 'leakyRelu') break;
        layers.push({ class_name: 'LeakyReLU', config: { name: free(`leakyRelu${i}`), trainable: true, alpha: leakyReluSlope } });
        break;
      }
      default:
        layer satisfies never;
    }
  }
  return layers;
}

/** The same where the first layer says what the inputs are, as in tfjs. */
export function layersWithInput(spec: ModelSpec): KerasObject[] {
  const [first, ...others] = kerasLayers(spec);
  if (!first) throw new RangeError('a model without layers cannot be written');
  return [{ ...first, config: { ...first.config, batch_input_shape: [null, ...spec.inputShape], dtype: 'float32' } }, ...others];
}

function denseLayer(layer: DenseLayer, name: string): KerasObject {
  return {
    class_name: 'Dense',
    config: {
      name,
      trainable: layer.trainable,
      units: layer.units,
      activation: layer.activation === 'leakyRelu' ? 'linear' : layer.activation,
      use_bias: layer.useBias,
      kernel_initializer: initializer(layer.kernelInitializer),
      bias_initializer: initializer('zeros'),
      kernel_regularizer: regularizer(layer.kernelRegularizer),
      bias_regularizer: regularizer(layer.biasRegularizer),
      activity_regularizer: null,
      kernel_constraint: null,
      bias_constraint: null,
    },
  };
}

function initializer(name: Initializer): KerasObject {
  if (name === 'zeros') return { class_name: 'Zeros', config: {} };
  return { class_name: 'VarianceScaling', config: { ...varianceScalings[name], seed: null } };
}

function regularizer({ l1, l2 }: Regularizer): KerasObject | null {
  return l1 === 0 && l2 === 0 ? null : { class_name: 'L1L2', config: { l1, l2 } };
}
