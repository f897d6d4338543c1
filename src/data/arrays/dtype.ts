/** Values of a file, in its own number type. */
export type Elements =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

interface NumberType {
  /** Bytes a value. */
  readonly bytes: number;
  readonly isInteger: boolean;
  /** A view of values in this machine's byte order. */
  readonly view: (buffer: ArrayBuffer) => Elements;
}

/** The number types a file may hold, by their NumPy names. */
export const dtypes = {
  bool: { bytes: 1, isInteger: true, view: (buffer) => new Uint8Array(buffer) },
  uint8: { bytes: 1, isInteger: true, view: (buffer) => new Uint8Array(buffer) },
  int8: { bytes: 1, isInteger: true, view: (buffer) => new Int8Array(buffer) },
  uint16: { bytes: 2, isInteger: true, view: (buffer) => new Uint16Array(buffer) },
  int16: { bytes: 2, isInteger: true, view: (buffer) => new Int16Array(buffer) },
  uint32: { bytes: 4, isInteger: true, view: (buffer) => new Uint32Array(buffer) },
  int32: { bytes: 4, isInteger: true, view: (buffer) => new Int32Array(buffer) },
  uint64: { bytes: 8, isInteger: true, view: (buffer) => new BigUint64Array(buffer) },
  int64: { bytes: 8, isInteger: true, view: (buffer) => new BigInt64Array(buffer) },
  float32: { bytes: 4, isInteger: false, view: (buffer) => new Float32Array(buffer) },
  float64: { bytes: 8, isInteger: false, view: (buffer) => new Float64Array(buffer) },
} as const satisfies Record<string, NumberType>;

export type Dtype = keyof typeof dtypes;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(dtypes, name);
}
