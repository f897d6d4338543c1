/** The names a config uses for the parts of a network, and their types once defaults are filled in. */

export const activations = ['linear', 'relu', 'leakyRelu', 'elu', 'sigmoid', 'tanh', 'softmax'] as const;
export type Activation = (typeof activations)[number];

export const initializers = ['glorotUniform', 'glorotNormal', 'heUniform', 'heNormal', 'zeros'] as const;
export type Initializer = (typeof initializers)[number];

export const losses = [
  'categoricalCrossentropy',
  'sparseCategoricalCrossentropy',
  'binaryCrossentropy',
  'meanSquaredError',
  'meanAbsoluteError',
] as const;
export type Loss = (typeof losses)[number];

export const metrics = ['accuracy', 'mae', 'mse'] as const;
export type Metric = (typeof metrics)[number];

/** Penalty `l1 * sum |w| + l2 * sum w^2`, as in Keras. */
export interface Regularizer {
  readonly l1: number;
  readonly l2: number;
}

export interface FlattenLayer {
  readonly kind: 'flatten';
}

export interface DenseLayer {
  readonly kind: 'dense';
  /** As `denseNames` has it where there is none. */
  readonly name?: string | undefined;
  readonly units: number;
  readonly activation: Activation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly kernelRegularizer: Regularizer;
  readonly biasRegularizer: Regularizer;
  /** False for one that training leaves as it is: without a gradient, penalty or decay, as in Keras. */
  readonly trainable: boolean;
}

export interface DropoutLayer {
  readonly kind: 'dropout';
  /** Probability that a value is set to zero, from 0 up to but not including 1; the others are scaled by 1 / (1 - rate). */
  readonly rate: number;
}

export type Layer = FlattenLayer | DenseLayer | DropoutLayer;

export interface ModelSpec {
  /** Shape of one sample, without the batch dimension. */
  readonly inputShape: readonly number[];
  readonly layers: readonly Layer[];
}

/** Slope of leakyRelu below zero: the default of Keras's `leaky_relu` activation. */
export const leakyReluSlope = 0.2;
