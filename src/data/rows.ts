import type { Elements } from './dtype.js';

/** Writes the values of row `row` to `into` at `offset`, as float32. */
export type RowReader = (row: number, into: Float32Array, offset: number) => void;

/**
 * Reads rows out of values of any number type, without allocating.
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

/** 256 divisions in place of one a value. */
function byteRows(values: Uint8Array, width: number, divide: number): RowReader {
  const quotients = Float32Array.from({ length: 256 }, (_, byte) => byte / Math.fround(divide));
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) into[offset + i] = quotients[values[start + i] ?? 0] ?? 0;
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
