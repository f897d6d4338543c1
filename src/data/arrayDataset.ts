import { createHash } from 'node:crypto';
import type { FileData, Preparation } from '../shared/config/dataSchema.js';
import { DataError } from '../shared/errors.js';
import { type ArrayFile, type ArraySource, openArray } from './arrayFile.js';
import type { Dataset, TargetKind } from './dataset.js';
import { fingerprint, type HashedArray } from './fingerprint.js';
import { remembered } from './remembered.js';
import type { RowBuffer } from './rows.js';

/** Inputs and targets, a row a sample. */
export interface ArrayPair {
  readonly x: ArraySource;
  readonly y: ArraySource;
}

/** Arrays that samples are in. */
export interface ArrayData extends ArrayPair, Pick<FileData, 'take' | 'normalize' | 'stratify'> {
  readonly validation?: ArrayPair | undefined;
  readonly test?: ArrayPair | undefined;
}

/** Which rows of two arrays are samples: those from `first` on, or those with these numbers. */
type Rows = { readonly first: number; readonly count: number } | { readonly numbers: Int32Array; readonly count: number };

/** Samples that are rows of two arrays, inputs and targets. Parts share the arrays' memory. */
export class ArrayDataset implements Dataset {
  readonly inputShape: readonly number[];
  readonly targets: TargetKind;
  readonly count: number;
  #fingerprint: string | undefined;

  private constructor(
    readonly x: ArrayFile,
    readonly y: ArrayFile,
    readonly preparation: Preparation | undefined,
    readonly rows: Rows,
  ) {
    this.count = rows.count;
    this.inputShape = x.shape.length === 1 ? [1] : x.shape.slice(1);
    this.targets = { width: y.rowWidth, isClassNumber: y.isInteger && y.rowWidth === 1 };
  }

  /**
   * Opens both files.
   * @param memory inputs of more bytes are not loaded, but read row by row
   * @param inBlocks samples are wanted in the order `blocks`
   * @throws DataError if a file is bad or they differ in their number of samples
   */
  static open(files: ArrayPair, preparation: Preparation | undefined, memory?: number, inBlocks?: boolean): ArrayDataset {
    const x = openArray(files.x, memory, inBlocks);
    const y = openArray(files.y);
    const [inputs = 0] = x.shape;
    const [targets = 0] = y.shape;
    if (inputs !== targets) {
      throw new DataError(`${x.path} has ${inputs} samples but ${y.path} has ${targets}: expected a target for every input`);
    }
    return new ArrayDataset(x, y, preparation, { first: 0, count: inputs });
  }

  /** The samples [first, first + count) of this one. */
  slice(first: number, count: number): ArrayDataset {
    const { rows } = this;
    return this.#with(
      'first' in rows ? { first: rows.first + first, count } : { numbers: rows.numbers.subarray(first, first + count), count },
    );
  }

  /** The samples with these numbers. */
  pick(samples: Int32Array): ArrayDataset {
    return this.#with({ numbers: samples.map((sample) => this.#row(sample)), count: samples.length });
  }

  /** The same samples, prepared in another way. */
  prepared(preparation: Preparation | undefined): ArrayDataset {
    return new ArrayDataset(this.x, this.y, preparation, this.rows);
  }

  #with(rows: Rows): ArrayDataset {
    return new ArrayDataset(this.x, this.y, this.preparation, rows);
  }

  /** Hashed when first asked for, as this reads all bytes. */
  get fingerprint(): string {
    this.#fingerprint ??= this.#remembered();
    return this.#fingerprint;
  }

  /** To hash a file that does not fit into memory takes a while, and every worker on a machine would. */
  #remembered(): string {
    const { x, y, rows, preparation } = this;
    if (x.stamp === undefined) return this.#hash();
    const targets = fingerprint([part(y, { first: 0, count: y.shape[0] ?? 0 }, null)]);
    const which = 'first' in rows ? rows : digestOf(rows.numbers);
    return remembered([x.stamp, targets, which, preparation ?? null], () => this.#hash());
  }

  inputs(capacity: number): RowBuffer {
    const { values, load, finish } = this.x.buffer(capacity, this.preparation);
    return { values, load: (place, index) => load(place, this.#row(index)), finish };
  }

  readTarget(index: number, into: Float32Array, offset: number): void {
    this.y.rows(this.#row(index), into, offset);
  }

  /** A wrong index would read a sample of another part. */
  #row(index: number): number {
    if (!(index >= 0 && index < this.count)) throw new RangeError(`Expected a sample from 0 to ${this.count - 1}, got ${index}`);
    return 'first' in this.rows ? this.rows.first + index : (this.rows.numbers[index] ?? -1);
  }

  #hash(): string {
    const { rows, preparation } = this;
    const how = preparation && !('subtract' in preparation) ? preparation.divide : (preparation ?? null);
    if ('first' in rows) return fingerprint([part(this.x, rows, how), part(this.y, rows, null)]);
    const { numbers } = rows;
    const all = { first: 0, count: this.x.shape[0] ?? 0 };
    const whole = fingerprint([part(this.x, all, how), part(this.y, all, null)]);
    return createHash('sha256').update(whole).update(digestOf(numbers)).digest('hex').slice(0, 16);
  }
}

function digestOf({ buffer, byteOffset, byteLength }: Int32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}

function part(
  array: ArrayFile,
  { first, count }: { readonly first: number; readonly count: number },
  divide: HashedArray['divide'],
): HashedArray {
  const { dtype, shape } = array;
  return { dtype, shape: [count, ...shape.slice(1)], divide, pieces: array.pieces(first, first + count) };
}
