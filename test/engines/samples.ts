import type { Batch, EngineTask } from '../../src/engines/engine.js';
import { outputHead } from '../../src/engines/outputHead.js';
import { forward } from '../../src/engines/reference/layers.js';
import { viewOf } from '../../src/shared/model/layout.js';
import { buildNetwork, type Network } from '../../src/shared/model/network.js';
import type { Activation, DenseLayer, Layer, Loss } from '../../src/shared/model/spec.js';

export const none = { l1: 0, l2: 0 };

export function dense(units: number, activation: Activation, useBias = true): DenseLayer {
  const regularizers = { kernelRegularizer: none, biasRegularizer: none };
  return { kind: 'dense', units, activation, useBias, kernelInitializer: 'zeros', ...regularizers, trainable: true };
}

export function dropout(rate: number): Layer {
  return { kind: 'dropout', rate };
}

export function taskOf(inputs: number, layers: readonly Layer[], loss: Loss): EngineTask {
  const network = buildNetwork({ inputShape: [inputs], layers });
  return {
    network,
    loss,
    metrics: ['accuracy', 'mae', 'mse'],
    sparseTargets: loss === 'sparseCategoricalCrossentropy',
    threads: 1,
    device: 'cpu',
  };
}

/** Numbers from -1 to 1, multiples of 2^-12: adding a power of two to one is exact in float32. */
export function randomStream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >> 19) / 2 ** 12;
  };
}

export interface Sample {
  readonly batch: Batch;
  readonly weights: Float32Array;
}

/** A batch and weights for a task. Targets are one-hot, or probabilities where there is one output or the loss is a mean error. */
export function sampleOf({ network, loss }: EngineTask, count: number, seed: number, scale = 1): Sample {
  const random = randomStream(seed);
  const draw = (size: number): Float32Array => Float32Array.from({ length: size }, random);
  const isOneHot = loss === 'categoricalCrossentropy' || loss === 'sparseCategoricalCrossentropy';
  const targets = isOneHot ? oneHot(count, network.outputs, random) : draw(count * network.outputs).map((t) => (t + 1) / 2);
  const masks = network.ops.flatMap((op) =>
    op.kind === 'dropout' ? [draw(count * op.units).map((u) => ((u + 1) / 2 < op.rate ? 0 : 1 / (1 - op.rate)))] : [],
  );
  return {
    batch: { count, inputs: draw(count * network.inputs), targets, masks },
    weights: draw(network.layout.size).map((w) => w * scale),
  };
}

/** A sample whose preactivations and residuals all keep their distance from the kinks of activations and losses. */
export function smoothSampleOf(task: EngineTask, count: number, seed: number, distance: number): Sample {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const sample = sampleOf(task, count, seed + 7919 * attempt);
    if (distanceToKink(task, sample) > distance) return sample;
  }
  throw new Error(`no sample keeps ${distance} from a kink: use fewer or smaller layers`);
}

function distanceToKink({ network, loss }: EngineTask, { batch, weights }: Sample): number {
  const kinked: readonly Activation[] = ['relu', 'leakyRelu', 'elu'];
  const { ops } = outputHead(network, loss);
  const masks = batch.masks.map((mask) => new Float64Array(mask));
  const steps = forward(
    ops,
    (parameter) => new Float64Array(viewOf(weights, parameter)),
    new Float64Array(batch.inputs),
    masks,
    batch.count,
  );
  const near = steps.flatMap((step) => ('preactivation' in step && kinked.includes(step.op.activation) ? [...step.preactivation] : []));
  const residuals = loss === 'meanAbsoluteError' ? [...(steps.at(-1)?.output ?? [])].map((o, i) => o - (batch.targets[i] ?? 0)) : [];
  // Exactly zero is what masks leave where there is no bias, and every engine then takes the same side.
  const distances = [...near, ...residuals].map(Math.abs).filter((distance) => distance > 0);
  return Math.min(...distances, Number.POSITIVE_INFINITY);
}

function oneHot(count: number, width: number, random: () => number): Float32Array {
  const rows = new Float32Array(count * width);
  for (let row = 0; row < count; row++) rows[row * width + Math.floor(((random() + 1) / 2) * width)] = 1;
  return rows;
}

/** Each parameter's largest difference, in units of the largest value expected in it. */
export function relativeErrors(network: Network, actual: Float32Array, expected: Float32Array): number[] {
  return network.layout.parameters.map((parameter) => {
    const wanted = viewOf(expected, parameter);
    const largest = Math.max(...wanted.map(Math.abs), 1e-6);
    return Math.max(...viewOf(actual, parameter).map((value, i) => Math.abs(value - (wanted[i] ?? 0)))) / largest;
  });
}

/** Every combination of last activation and loss whose loss is a number: cross entropies want probabilities. */
export const heads: readonly (readonly [Activation, Loss])[] = [
  ...(['linear', 'relu', 'leakyRelu', 'elu', 'sigmoid', 'tanh', 'softmax'] as const).flatMap((activation) => [
    [activation, 'meanSquaredError'] as const,
    [activation, 'meanAbsoluteError'] as const,
  ]),
  ...(['sigmoid', 'softmax'] as const).flatMap((activation) => [
    [activation, 'categoricalCrossentropy'] as const,
    [activation, 'sparseCategoricalCrossentropy'] as const,
    [activation, 'binaryCrossentropy'] as const,
  ]),
];
