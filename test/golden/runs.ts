import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Curves and weights that Keras gives, and the configs that must give the same. Made by Keras 3.15; see README.md beside this file. */

export interface GoldenRun {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Largest relative difference of a step's loss. */
  readonly tolerance: (step: number) => number;
  /** Are the final weights compared? */
  readonly comparesWeights: boolean;
}

export interface GoldenCurve {
  readonly steps: readonly { readonly loss: number; readonly accuracy?: number; readonly mae?: number }[];
  readonly epochs: readonly {
    readonly loss: number;
    readonly val_loss: number;
    readonly val_accuracy?: number;
    readonly val_mae?: number;
  }[];
}

const folder = fileURLToPath(new URL('.', import.meta.url));
const file = (...names: string[]): string => join(folder, ...names);

const base = { validationSplit: 0.2, shuffle: false, shards: 4 };
const mnist = { data: { name: 'mnist', take: 2_500 }, epochs: 3 };
const article = (l2: number) => ({
  inputShape: [28, 28],
  layers: [
    'flatten',
    { dense: { units: 128, activation: 'relu', kernelRegularizer: { l2 } } },
    { dense: { units: 10, activation: 'softmax' } },
  ],
});
const fixed = (tolerance: number) => () => tolerance;

export const goldenRuns: readonly GoldenRun[] = [
  { name: 'mnist-adam', config: { ...base, ...mnist, model: article(0) }, tolerance: fixed(5e-5), comparesWeights: true },
  {
    name: 'mnist-l2',
    config: { ...base, ...mnist, model: article(0.01) },
    // Ill-conditioned: weights of pixels that are always zero shrink to zero, where Adam's direction hangs on the last bit.
    tolerance: (step) => (step < 60 ? 1e-4 : 1e-2),
    comparesWeights: false,
  },
  {
    name: 'mnist-momentum',
    config: {
      ...base,
      ...mnist,
      model: {
        inputShape: [784],
        layers: [
          { dense: { units: 64, activation: 'sigmoid' } },
          { dense: { units: 32, activation: 'sigmoid' } },
          { dense: { units: 10, activation: 'softmax' } },
        ],
      },
      loss: 'sparseCategoricalCrossentropy',
      optimizer: {
        name: 'sgd',
        momentum: 0.9,
        learningRate: { schedule: 'exponentialDecay', initial: 0.5, decaySteps: 50, decayRate: 0.9 },
      },
      batchSize: 50,
    },
    tolerance: fixed(5e-5),
    comparesWeights: true,
  },
  {
    name: 'regression-mse',
    config: {
      ...base,
      data: { x: file('data', 'regression-x.npy'), y: file('data', 'regression-y.npy') },
      model: {
        inputShape: [8],
        layers: [{ dense: { units: 16, activation: 'tanh' } }, { dense: { units: 16, activation: 'relu' } }, { dense: 2 }],
      },
      loss: 'meanSquaredError',
      metrics: ['mae'],
      optimizer: { name: 'adam', learningRate: 0.01 },
      batchSize: 64,
      epochs: 4,
    },
    tolerance: fixed(5e-5),
    comparesWeights: true,
  },
  {
    name: 'binary-crossentropy',
    config: {
      ...base,
      data: { x: file('data', 'regression-x.npy'), y: file('data', 'binary-y.npy') },
      model: { inputShape: [8], layers: [{ dense: { units: 12, activation: 'relu' } }, { dense: { units: 1, activation: 'sigmoid' } }] },
      loss: 'binaryCrossentropy',
      optimizer: { name: 'adam', learningRate: 0.01 },
      validationSplit: 0.25,
      epochs: 4,
    },
    tolerance: fixed(5e-5),
    comparesWeights: true,
  },
  {
    name: 'weighted-samples',
    config: {
      ...base,
      data: {
        ...{ x: file('data', 'regression-x.npy'), y: file('data', 'regression-y.npy') },
        sampleWeights: file('data', 'weights.npy'),
      },
      model: { inputShape: [8], layers: [{ dense: { units: 16, activation: 'tanh' } }, { dense: 2 }] },
      loss: 'meanSquaredError',
      metrics: ['mae'],
      optimizer: { name: 'adam', learningRate: 0.01 },
      batchSize: 64,
      epochs: 3,
    },
    tolerance: fixed(5e-5),
    comparesWeights: true,
  },
  {
    name: 'weighted-classes',
    config: {
      ...base,
      data: { x: file('data', 'regression-x.npy'), y: file('data', 'binary-y.npy'), classWeights: { 1: 3 } },
      model: { inputShape: [8], layers: [{ dense: { units: 12, activation: 'relu' } }, { dense: { units: 1, activation: 'sigmoid' } }] },
      loss: 'binaryCrossentropy',
      optimizer: { name: 'adam', learningRate: 0.01 },
      validationSplit: 0.25,
      epochs: 3,
    },
    tolerance: fixed(5e-5),
    comparesWeights: true,
  },
];

export function goldenCurve(name: string): GoldenCurve {
  return JSON.parse(readFileSync(file(name, 'curve.json'), 'utf8'));
}

/** The weights before and after, flat. */
export function goldenWeights(name: string, which: 'initial' | 'final'): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(file(name, `${which}.f32`))).buffer);
}

export function initialWeightsFile(name: string): string {
  return file(name, 'initial.f32');
}
