import { readFileSync } from 'node:fs';
import type { Elements } from './dtype.js';

/** Writes the values of row `row` to `into` at `offset`, as float32. */
export type RowReader = (row: number, into: Float32Array, offset: number) => void;

/**
 * Reads rows out of values of any number type.
 * @param width values a row
 * @param divide if given, each value is turned into float32 and then divided in float32, as `x.astype('float32') / divide` in NumPy
 */
export function rowReader(values: Elements, width: number, divide?: number): RowReader {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return bigIntRows(values, width, divide ?? 1);
  if (divide === undefined) return plainRows(values, width);
  if (values instanceof Uint8Array) return byteRows(values, width, divide);
  return dividedRows(values, width, divide);
}

type Numbers = Exclude<Elements, BigInt64Array | BigUint64Array>;

function plainRows(values: Numbers, width: number): RowReader {
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) into[offset + i] = values[start + i] ?? 0;
  };
}

interface Exports {
  divideBytes(bytes: number, into: number, length: number, divisor: number): void;
}

const pageBytes = 65_536;
let compiled: WebAssembly.Module | undefined;

/** Images are mostly of this kind. A row goes through a memory of WebAssembly, which divides sixteen values at a time. */
function byteRows(values: Uint8Array, width: number, divide: number): RowReader {
  compiled ??= new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('#bytes.wasm'))));
  const padded = Math.ceil(width / 16) * 16;
  const pages = Math.ceil((padded * 5) / pageBytes);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { divideBytes } = new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Exports;
  const bytes = new Uint8Array(memory.buffer, 0, width);
  const quotients = new Float32Array(memory.buffer, padded, width);
  return (row, into, offset) => {
    bytes.set(values.subarray(row * width, (row + 1) * width));
    divideBytes(bytes.byteOffset, quotients.byteOffset, width, divide);
    into.set(quotients, offset);
  };
}

// A float64 quotient of two float32 values, rounded to float32 when stored, is the float32 quotient.

function dividedRows(values: Numbers, width: number, divide: number): RowReader {
  const divisor = Math.fround(divide);
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) into[offset + i] = Math.fround(values[start + i] ?? 0) / divisor;
  };
}

function bigIntRows(values: BigInt64Array | BigUint64Array, width: number, divide: number): RowReader {
  const divisor = Math.fround(divide);
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) into[offset + i] = Math.fround(Number(values[start + i] ?? 0n)) / divisor;
  };
}
