import type { Preparation } from '../../shared/config/dataSchema.js';
import { openWasm } from '../../shared/numbers/wasm.js';
import type { Elements } from './dtype.js';

/** Writes the values of row `row` to `into` at `offset`, as float32. */
export type RowReader = (row: number, into: Float32Array, offset: number) => void;

/** Reads rows of one value each. */
export function numberReader(rows: RowReader): (row: number) => number {
  const value = new Float32Array(1);
  return (row) => {
    rows(row, value, 0);
    return value[0] ?? Number.NaN;
  };
}

/** An array of rows that is filled again and again. */
export interface RowBuffer<Values = Float32Array> {
  /** [capacity, width], row-major. */
  readonly values: Values;
  /** Takes row `row` of the source to place `place`. It may be in `values` only after `finish`. */
  load(place: number, row: number): void;
  /** The first `count` places have been loaded. */
  finish(count: number): void;
}

/**
 * Reads rows out of values of any number type.
 * @param width values a row
 * @param preparation if given, each value is turned into float32 and then, in float32, divided, as `x.astype('float32') / divide`
 *   in NumPy; or filled in where it is missing, moved and divided, input by input, in float64 where float32 does not have all
 *   values of the type
 */
export function rowReader(values: Elements, width: number, preparation?: Preparation): RowReader {
  if (preparation && 'subtract' in preparation)
    return isWide(values) ? exactRows(values, width, preparation) : preparedRows(rowReader(values, width), width, preparation);
  const { divide } = preparation ?? {};
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return bigIntRows(values, width, divide ?? 1);
  return divide === undefined ? plainRows(values, width) : dividedRows(values, width, divide);
}

/** The same for many rows at once. */
export function rowBuffer(values: Elements, width: number, capacity: number, preparation?: Preparation): RowBuffer {
  if (values instanceof Uint8Array && preparation && !('subtract' in preparation)) {
    return byteBuffer(values, width, capacity, preparation.divide);
  }
  const read = rowReader(values, width, preparation);
  const into = new Float32Array(capacity * width);
  return { values: into, load: (place, row) => read(row, into, place * width), finish: () => undefined };
}

/** Are there values of the type that float32 does not have? */
function isWide(values: Elements): boolean {
  return [Float64Array, BigInt64Array, BigUint64Array, Int32Array, Uint32Array].some((type) => values instanceof type);
}

/** Rows as they stand in a file, to the last digit that float64 has. */
export function exactBuffer(values: Elements, width: number, capacity: number): RowBuffer<Float64Array> {
  const into = new Float64Array(capacity * width);
  const load = (place: number, row: number): void => {
    for (let i = 0; i < width; i++) into[place * width + i] = Number(values[row * width + i] ?? 0);
  };
  return { values: into, load, finish: () => undefined };
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
  scaleBytes(bytes: number, into: number, length: number, high: number, low: number): void;
}

/** Images are mostly of this kind: bytes are gathered in a memory of WebAssembly, which divides sixteen of them at a time. */
function byteBuffer(source: Uint8Array, width: number, capacity: number, divide: number): RowBuffer {
  const size = capacity * width;
  const lengths = [Math.ceil(size / 4), size + 16];
  const advice = 'use a smaller batchSize or validationBatchSize, or more shards';
  const { exports, allocate, addressOf } = openWasm<Exports>({ module: '#bytes.wasm', lengths, holds: 'inputs', advice });
  const gathered = allocate(Math.ceil(size / 4));
  const bytes = new Uint8Array(gathered.buffer, gathered.byteOffset, size);
  const values = allocate(size + 16).subarray(0, size);
  const reciprocal = exactReciprocal(divide);
  return {
    values,
    load: (place, row) => bytes.set(source.subarray(row * width, (row + 1) * width), place * width),
    finish(count) {
      const places = [addressOf(bytes), addressOf(values), count * width] as const;
      if (reciprocal) exports.scaleBytes(...places, ...reciprocal);
      else exports.divideBytes(...places, divide);
    },
  };
}

/** Two numbers by which every byte can be multiplied, and the products added, to give its quotient to the bit. */
function exactReciprocal(divide: number): readonly [high: number, low: number] | undefined {
  const divisor = Math.fround(divide);
  const high = new Float32Array([1 / divisor]);
  // 16 digits: with the 8 of a byte, no more than float32 has.
  new Uint32Array(high.buffer)[0] = (new Uint32Array(high.buffer)[0] ?? 0) & 0xffffff00;
  const [first = Number.NaN, second] = [high[0], Math.fround(1 / divisor - (high[0] ?? 0))];
  const isExact = (byte: number): boolean =>
    Math.fround(Math.fround(byte * first) + Math.fround(byte * second)) === Math.fround(byte / divisor);
  return Array.from({ length: 256 }, (_, byte) => byte).every(isExact) ? [first, second] : undefined;
}

// A float64 quotient of two float32 values, rounded to float32 when stored, is the float32 quotient.

function dividedRows(values: Numbers, width: number, divide: number): RowReader {
  const divisor = Math.fround(divide);
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) into[offset + i] = Math.fround(values[start + i] ?? 0) / divisor;
  };
}

/** Of values that float32 does not have all: differences are taken in float64, so that values close to each other stay apart. */
function exactRows(values: Elements, width: number, { fill, subtract, divide }: Extract<Preparation, { subtract: unknown }>): RowReader {
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) {
      const value = Number(values[start + i] ?? 0);
      const known = Number.isNaN(value) ? (fill?.[i] ?? value) : value;
      into[offset + i] = (known - (subtract[i] ?? 0)) / (divide[i] ?? 1);
    }
  };
}

function preparedRows(read: RowReader, width: number, { fill, subtract, divide }: Extract<Preparation, { subtract: unknown }>): RowReader {
  const [fills, shifts, divisors] = [fill ?? [], subtract, divide].map((numbers) => Float32Array.from(numbers));
  return (row, into, offset) => {
    read(row, into, offset);
    for (let i = 0; i < width; i++) {
      const value = into[offset + i] ?? 0;
      const known = Number.isNaN(value) ? (fills?.[i] ?? value) : value;
      into[offset + i] = Math.fround(known - (shifts?.[i] ?? 0)) / (divisors?.[i] ?? 1);
    }
  };
}

function bigIntRows(values: BigInt64Array | BigUint64Array, width: number, divide: number): RowReader {
  const divisor = Math.fround(divide);
  return (row, into, offset) => {
    const start = row * width;
    for (let i = 0; i < width; i++) into[offset + i] = Math.fround(Number(values[start + i] ?? 0n)) / divisor;
  };
}
