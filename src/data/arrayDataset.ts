import type { FilePair } from '../shared/config/dataSchema.js';
import { DataError } from '../shared/errors.js';
import { type ArrayFile, openArray } from './arrayFile.js';
import type { Dataset, TargetKind } from './dataset.js';
import { fingerprint, type HashedArray } from './fingerprint.js';
import type { RowBuffer } from './rows.js';

/** The samples [first, first + count) of two arrays, inputs and targets. Slices share the arrays' memory. */
export class ArrayDataset implements Dataset {
  readonly inputShape: readonly number[];
  readonly targets: TargetKind;
  #fingerprint: string | undefined;

  private constructor(
    readonly x: ArrayFile,
    readonly y: ArrayFile,
    readonly divide: number | undefined,
    readonly first: number,
    readonly count: number,
  ) {
    this.inputShape = x.shape.length === 1 ? [1] : x.shape.slice(1);
    this.targets = { width: y.rowWidth, isClassNumber: y.isInteger && y.rowWidth === 1 };
  }

  /**
   * Reads both files.
   * @param divide what inputs are divided by, if anything
   * @throws DataError if a file is bad or they differ in their number of samples
   */
  static open(files: FilePair, divide: number | undefined): ArrayDataset {
    const x = openArray(files.x);
    const y = openArray(files.y);
    const [inputs = 0] = x.shape;
    const [targets = 0] = y.shape;
    if (inputs !== targets) {
      throw new DataError(`${x.path} has ${inputs} samples but ${y.path} has ${targets}: expected a target for every input`);
    }
    return new ArrayDataset(x, y, divide, 0, inputs);
  }

  /** The samples [first, first + count) of this one. */
  slice(first: number, count: number): ArrayDataset {
    return new ArrayDataset(this.x, this.y, this.divide, this.first + first, count);
  }

  /** Hashed when first asked for, as this reads all bytes. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprint([this.#part(this.x, this.divide ?? null), this.#part(this.y, null)]);
    return this.#fingerprint;
  }

  inputs(capacity: number): RowBuffer {
    const { values, load, finish } = this.x.buffer(capacity, this.divide);
    return { values, load: (place, index) => load(place, this.#row(index)), finish };
  }

  readTarget(index: number, into: Float32Array, offset: number): void {
    this.y.rows(this.#row(index), into, offset);
  }

  /** A wrong index would read a sample of another part. */
  #row(index: number): number {
    if (!(index >= 0 && index < this.count)) throw new RangeError(`Expected a sample from 0 to ${this.count - 1}, got ${index}`);
    return this.first + index;
  }

  #part({ dtype, shape, bytes }: ArrayFile, divide: number | null): HashedArray {
    const [samples = 0, ...sample] = shape;
    const rowBytes = bytes.length / samples;
    const start = this.first * rowBytes;
    return { dtype, shape: [this.count, ...sample], divide, bytes: bytes.subarray(start, start + this.count * rowBytes) };
  }
}
