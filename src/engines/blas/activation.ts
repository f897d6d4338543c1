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
      layers.elu(z, length);
      return;
    case 'sigmoid':
      layers.sigmoid(z, length);
      return;
    case 'tanh':
      layers.tanh(z, length);
      return;
    case 'softmax':
      layers.softmax(z, rows, columns);
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
    case 'elu':
      layers.eluGradient(d, a, length);
      return;
    case 'sigmoid':
      layers.sigmoidGradient(d, a, length);
      return;
    case 'tanh':
      layers.tanhGradient(d, a, length);
      return;
  }
}

function softmaxGradientRow(a: Float32Array, d: Float32Array, start: number, columns: number): void {
  let mean = 0;
  for (let i = start; i < start + columns; i++) mean += (a[i] ?? 0) * (d[i] ?? 0);
  for (let i = start; i < start + columns; i++) d[i] = (a[i] ?? 0) * ((d[i] ?? 0) - mean);
}
