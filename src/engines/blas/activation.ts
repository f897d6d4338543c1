import { type Activation, leakyReluSlope } from '../../shared/model/spec.js';
import type { Layers } from './layers.js';

/** Turns preactivations [rows, columns] into activations, in place. */
export function activate(layers: Layers, activation: Activation, z: Float32Array, rows: number, columns: number): void {
  const length = rows * columns;
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      layers.rectify(z, length, 0);
      return;
    case 'leakyRelu':
      layers.rectify(z, length, leakyReluSlope);
      return;
    case 'elu':
      for (let i = 0; i < length; i++) {
        const value = z[i] ?? 0;
        if (value < 0) z[i] = Math.expm1(value);
      }
      return;
    case 'sigmoid':
      for (let i = 0; i < length; i++) z[i] = 1 / (1 + Math.exp(-(z[i] ?? 0)));
      return;
    case 'tanh':
      for (let i = 0; i < length; i++) z[i] = Math.tanh(z[i] ?? 0);
      return;
    case 'softmax':
      for (let start = 0; start < length; start += columns) softmaxRow(z, start, columns);
      return;
  }
}

/** The same, with a bias added to the preactivations first. */
export function addBiasAndActivate(layers: Layers, activation: Activation, z: Float32Array, bias: Float32Array, rows: number): void {
  switch (activation) {
    case 'relu':
      layers.addBiasRectify(z, bias, rows, 0);
      return;
    case 'leakyRelu':
      layers.addBiasRectify(z, bias, rows, leakyReluSlope);
      return;
    default:
      layers.addBias(z, bias, rows);
      activate(layers, activation, z, rows, bias.length);
  }
}

/** da/dz, from the activation a; below zero elu is e^z - 1. */
const slopes = {
  elu: (a: number): number => (a < 0 ? a + 1 : 1),
  sigmoid: (a: number): number => a * (1 - a),
  tanh: (a: number): number => 1 - a * a,
};

/** Turns the loss's gradient by activations into the one by preactivations, in place; all from the activations a. */
export function activationGradient(
  layers: Layers,
  activation: Activation,
  a: Float32Array,
  d: Float32Array,
  rows: number,
  columns: number,
): void {
  const length = rows * columns;
  switch (activation) {
    case 'linear':
      return;
    case 'relu':
      layers.rectifyGradient(d, a, length, 0);
      return;
    case 'leakyRelu':
      layers.rectifyGradient(d, a, length, leakyReluSlope);
      return;
    case 'softmax':
      for (let start = 0; start < length; start += columns) softmaxGradientRow(a, d, start, columns);
      return;
    default: {
      const slope = slopes[activation];
      for (let i = 0; i < length; i++) d[i] = (d[i] ?? 0) * slope(a[i] ?? 0);
    }
  }
}

function softmaxGradientRow(a: Float32Array, d: Float32Array, start: number, columns: number): void {
  let mean = 0;
  for (let i = start; i < start + columns; i++) mean += (a[i] ?? 0) * (d[i] ?? 0);
  for (let i = start; i < start + columns; i++) d[i] = (a[i] ?? 0) * ((d[i] ?? 0) - mean);
}

/** Turns one row of logits into its softmax. */
function softmaxRow(z: Float32Array, start: number, columns: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + columns; i++) largest = Math.max(largest, z[i] ?? Number.NaN);
  let sum = 0;
  for (let i = start; i < start + columns; i++) sum += Math.exp((z[i] ?? 0) - largest);
  for (let i = start; i < start + columns; i++) z[i] = Math.exp((z[i] ?? 0) - largest) / sum;
}
