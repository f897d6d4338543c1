import { openWasm } from '../../shared/numbers/wasm.js';

/** What stands between the matrix products of a network; all arrays are in one memory of their own. */
export interface Layers {
  /** A new array of zeros. */
  allocate(length: number): Float32Array;
  /** z = z + bias for each of the rows of z, [rows, columns]. */
  addBias(z: Float32Array, bias: Float32Array, rows: number): void;
  /** Both of addBias and rectify in one pass. */
  addBiasRectify(z: Float32Array, bias: Float32Array, rows: number, slope: number): void;
  /** a = max(a, slope * a); slope from 0 up to but not including 1. */
  rectify(a: Float32Array, length: number, slope: number): void;
  /** d = d where a > 0, else slope * d. */
  rectifyGradient(d: Float32Array, a: Float32Array, length: number, slope: number): void;
  /** z = 1 / (1 + e^-z), tanh(z), and z or below zero e^z - 1. */
  sigmoid(z: Float32Array, length: number): void;
  tanh(z: Float32Array, length: number): void;
  elu(z: Float32Array, length: number): void;
  /** The loss's gradient by what these three gave, a, becomes the one by what they were given. */
  sigmoidGradient(d: Float32Array, a: Float32Array, length: number): void;
  tanhGradient(d: Float32Array, a: Float32Array, length: number): void;
  eluGradient(d: Float32Array, a: Float32Array, length: number): void;
  /** Turns each row of z, [rows, columns], into its softmax. */
  softmax(z: Float32Array, rows: number, columns: number): void;
  /** The same, with the cross entropy's gradient by z; returns its sum over the rows. */
  softmaxCrossentropy(z: Float32Array, targets: Float32Array, gradient: Float32Array, rows: number, columns: number): number;
  /** The cross entropy of the sigmoids, which z is turned into; as `softmaxCrossentropy`. */
  sigmoidCrossentropy(z: Float32Array, targets: Float32Array, gradient: Float32Array, rows: number, columns: number): number;
  /** The sum over the rows of their mean squared or absolute errors, with its gradient by a. */
  meanSquaredError(a: Float32Array, targets: Float32Array, gradient: Float32Array, rows: number, columns: number): number;
  meanAbsoluteError(a: Float32Array, targets: Float32Array, gradient: Float32Array, rows: number, columns: number): number;
  /** into = into * by */
  multiply(into: Float32Array, by: Float32Array, length: number): void;
  /** sums = the sum of the rows of d, [rows, columns], from the first to the last. */
  columnSums(d: Float32Array, sums: Float32Array, rows: number): void;
}

interface Exports {
  addBias(z: number, bias: number, rows: number, columns: number): void;
  addBiasRectify(z: number, bias: number, rows: number, columns: number, slope: number): void;
  rectify(a: number, length: number, slope: number): void;
  rectifyGradient(d: number, a: number, length: number, slope: number): void;
  sigmoid(z: number, length: number): void;
  tanh(z: number, length: number): void;
  elu(z: number, length: number): void;
  sigmoidGradient(d: number, a: number, length: number): void;
  tanhGradient(d: number, a: number, length: number): void;
  eluGradient(d: number, a: number, length: number): void;
  softmax(z: number, rows: number, columns: number, powers: number): void;
  softmaxCrossentropy(z: number, targets: number, gradient: number, rows: number, columns: number, powers: number): number;
  sigmoidCrossentropy(z: number, targets: number, gradient: number, rows: number, columns: number): number;
  meanError(a: number, targets: number, gradient: number, rows: number, columns: number, isSquared: boolean): number;
  multiply(into: number, by: number, length: number): void;
  columnSums(d: number, sums: number, rows: number, columns: number): void;
}

/**
 * @param lengths of the arrays to come, in values
 * @param widest most columns of a softmax
 * @throws RunError where they are more than one memory can hold
 */
export function openLayers(lengths: readonly number[], widest: number): Layers {
  const {
    exports: wasm,
    allocate,
    addressOf: at,
  } = openWasm<Exports>({
    module: '#layers.wasm',
    // A row of float64 besides.
    lengths: [...lengths, 2 * widest],
    imports: { log: Math.log },
    holds: 'activations',
    advice: 'use a smaller batchSize or validationBatchSize, or more shards',
  });
  const powers = at(allocate(2 * widest));
  return {
    allocate,
    addBias: (z, bias, rows) => wasm.addBias(at(z), at(bias), rows, bias.length),
    addBiasRectify: (z, bias, rows, slope) => wasm.addBiasRectify(at(z), at(bias), rows, bias.length, slope),
    rectify: (a, length, slope) => wasm.rectify(at(a), length, slope),
    rectifyGradient: (d, a, length, slope) => wasm.rectifyGradient(at(d), at(a), length, slope),
    sigmoid: (z, length) => wasm.sigmoid(at(z), length),
    tanh: (z, length) => wasm.tanh(at(z), length),
    elu: (z, length) => wasm.elu(at(z), length),
    sigmoidGradient: (d, a, length) => wasm.sigmoidGradient(at(d), at(a), length),
    tanhGradient: (d, a, length) => wasm.tanhGradient(at(d), at(a), length),
    eluGradient: (d, a, length) => wasm.eluGradient(at(d), at(a), length),
    softmax: (z, rows, columns) => wasm.softmax(at(z), rows, columns, powers),
    softmaxCrossentropy: (z, targets, gradient, rows, columns) =>
      wasm.softmaxCrossentropy(at(z), at(targets), at(gradient), rows, columns, powers),
    sigmoidCrossentropy: (z, targets, gradient, rows, columns) => wasm.sigmoidCrossentropy(at(z), at(targets), at(gradient), rows, columns),
    meanSquaredError: (a, targets, gradient, rows, columns) => wasm.meanError(at(a), at(targets), at(gradient), rows, columns, true),
    meanAbsoluteError: (a, targets, gradient, rows, columns) => wasm.meanError(at(a), at(targets), at(gradient), rows, columns, false),
    multiply: (into, by, length) => wasm.multiply(at(into), at(by), length),
    columnSums: (d, sums, rows) => wasm.columnSums(at(d), at(sums), rows, sums.length),
  };
}
