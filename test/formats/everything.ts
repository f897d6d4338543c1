import { openReference } from '../../src/engines/reference/open.js';
import { initialWeights } from '../../src/shared/model/initialWeights.js';
import { buildNetwork } from '../../src/shared/model/network.js';
import { activations, type DenseLayer, initializers, type ModelSpec } from '../../src/shared/model/spec.js';

const none = { l1: 0, l2: 0 };

export const plain: DenseLayer = {
  kind: 'dense',
  units: 3,
  activation: 'linear',
  useBias: true,
  kernelInitializer: 'glorotUniform',
  kernelRegularizer: none,
  biasRegularizer: none,
  trainable: true,
};

export const small: ModelSpec = { inputShape: [2], layers: [plain] };

/** All layers, activations, initializers and regularizers; names, and a layer that is not trained. */
export const everything: ModelSpec = {
  inputShape: [2, 3],
  layers: [
    { kind: 'dropout', rate: 0.25 },
    { kind: 'flatten' },
    ...activations.map(
      (activation, i): DenseLayer => ({
        ...plain,
        ...(i === 1 && { name: 'second_layer' }),
        units: 4 + i,
        activation,
        kernelInitializer: initializers[i] ?? 'heNormal',
        useBias: i !== 2,
        kernelRegularizer: { l1: i * 0.5, l2: 0.25 },
        biasRegularizer: { l1: 0, l2: i * 0.125 },
        trainable: i !== 3,
      }),
    ),
    { kind: 'dropout', rate: 0.5 },
    { ...plain, units: 2, activation: 'softmax' },
  ],
};

/** Biases too are not zero, and no two weights are equal. */
export function weightsOf(spec: ModelSpec): Float32Array {
  const { layout } = buildNetwork(spec);
  return initialWeights(layout, 1).map((value, i) => value + (i % 7) / 100);
}

/** What the reference engine gives. */
export async function predictions(spec: ModelSpec, weights: Float32Array, inputs: Float32Array): Promise<Float32Array> {
  const network = buildNetwork(spec);
  const engine = await openReference({ network, loss: 'meanSquaredError', metrics: [], sparseTargets: false, threads: 1, device: 'cpu' });
  return engine.predict({ count: inputs.length / network.inputs, inputs }, weights);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}
