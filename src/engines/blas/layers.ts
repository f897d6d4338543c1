import { readFileSync } from 'node:fs';
import { RunError } from '../../shared/errors.js';
import { allocationBytes } from '../../shared/kernel/kernel.js';

/** What stands between the matrix products of a network; all arrays are in one memory of their own. */
export interface Layers {
  /** A new array of zeros. */
  allocate(length: number): Float32Array;
  /** z = z + bias for each of the rows of z, [rows, columns]. */
  addBias(z: Float32Array, bias: Float32Array, rows: number): void;
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
  rectify(a: number, length: number, slope: number): void;
  rectifyGradient(d: number, a: number, length: number, slope: number): void;
  multiply(into: number, by: number, length: number): void;
  columnSums(d: number, sums: number, rows: number, columns: number): void;
}

const pageBytes = 65_536;
const maxPages = 65_536;
let compiled: WebAssembly.Module | undefined;

/**
 * @param lengths of the arrays to come, in values
 * @throws RunError where they are more than one memory can hold
 */
export function openLayers(lengths: readonly number[]): Layers {
  compiled ??= new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('#layers.wasm'))));
  const pages = Math.ceil(lengths.reduce((sum, length) => sum + allocationBytes(length), 64) / pageBytes);
  if (pages > maxPages) {
    const gib = ((pages * pageBytes) / 2 ** 30).toFixed(1);
    throw new RunError(`${gib} GiB of activations do not fit into 4 GiB: use a smaller batchSize or validationBatchSize, or more shards`);
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const wasm = new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Exports;
  let next = 64;
  return {
    allocate(length) {
      const at = next;
      next += allocationBytes(length);
      return new Float32Array(memory.buffer, at, length);
    },
    addBias: (z, bias, rows) => wasm.addBias(z.byteOffset, bias.byteOffset, rows, bias.length),
    rectify: (a, length, slope) => wasm.rectify(a.byteOffset, length, slope),
    rectifyGradient: (d, a, length, slope) => wasm.rectifyGradient(d.byteOffset, a.byteOffset, length, slope),
    multiply: (into, by, length) => wasm.multiply(into.byteOffset, by.byteOffset, length),
    columnSums: (d, sums, rows) => wasm.columnSums(d.byteOffset, sums.byteOffset, rows, sums.length),
  };
}
