import { openWasm } from '../../shared/wasm.js';

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
  multiply(into: number, by: number, length: number): void;
  columnSums(d: number, sums: number, rows: number, columns: number): void;
}

/**
 * @param lengths of the arrays to come, in values
 * @throws RunError where they are more than one memory can hold
 */
export function openLayers(lengths: readonly number[]): Layers {
  const advice = 'use a smaller batchSize or validationBatchSize, or more shards';
  const { exports: wasm, allocate, addressOf: at } = openWasm<Exports>({ module: '#layers.wasm', lengths, holds: 'activations', advice });
  return {
    allocate,
    addBias: (z, bias, rows) => wasm.addBias(at(z), at(bias), rows, bias.length),
    addBiasRectify: (z, bias, rows, slope) => wasm.addBiasRectify(at(z), at(bias), rows, bias.length, slope),
    rectify: (a, length, slope) => wasm.rectify(at(a), length, slope),
    rectifyGradient: (d, a, length, slope) => wasm.rectifyGradient(at(d), at(a), length, slope),
    multiply: (into, by, length) => wasm.multiply(at(into), at(by), length),
    columnSums: (d, sums, rows) => wasm.columnSums(at(d), at(sums), rows, sums.length),
  };
}
