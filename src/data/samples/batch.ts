import { DataError } from '../../shared/text/errors.js';
import type { RowBuffer } from '../arrays/rows.js';
import type { Dataset, SampleIndices } from './dataset.js';
import { isClass, type TargetEncoding } from './targets.js';

/**
 * Reads samples into arrays that are allocated once and overwritten at every fill. After a fill it has the shape of a
 * batch: its first `count` rows count.
 */
export class BatchReader {
  /** [capacity, outputs], row-major; class numbers as one-hot rows. */
  readonly targets: Float32Array;
  /** [capacity], where the dataset has weights. */
  readonly sampleWeights: Float32Array | undefined;
  readonly #inputs: RowBuffer;
  readonly #classNumber = new Float32Array(1);
  #count = 0;

  /**
   * @param encoding what `checkTargets` found
   * @param outputs number of the network's outputs
   * @param capacity most samples of one fill
   */
  constructor(
    readonly dataset: Dataset,
    readonly encoding: TargetEncoding,
    readonly outputs: number,
    readonly capacity: number,
  ) {
    this.#inputs = dataset.inputs(capacity);
    this.targets = new Float32Array(capacity * outputs);
    this.sampleWeights = dataset.sampleWeight && new Float32Array(capacity);
  }

  /** [capacity, inputs], row-major. */
  get inputs(): Float32Array {
    return this.#inputs.values;
  }

  /** Samples of the last fill. */
  get count(): number {
    return this.#count;
  }

  /** Reads the samples named by indices[from] to indices[from + count - 1]. */
  fill(indices: SampleIndices, from: number, count: number): void {
    this.#begin(count);
    for (let row = 0; row < count; row++) this.#read(indices[from + row] ?? -1, row);
    this.#inputs.finish(count);
  }

  /** Reads the samples from `first` to first + count - 1. */
  fillRange(first: number, count: number): void {
    this.#begin(count);
    for (let row = 0; row < count; row++) this.#read(first + row, row);
    this.#inputs.finish(count);
  }

  #begin(count: number): void {
    if (!(count >= 0 && count <= this.capacity)) throw new RangeError(`Expected at most ${this.capacity} samples, got ${count}`);
    this.#count = count;
    if (this.encoding.kind === 'oneHot') this.targets.fill(0, 0, count * this.outputs);
  }

  #read(sample: number, row: number): void {
    this.#inputs.load(row, sample);
    if (this.sampleWeights) this.sampleWeights[row] = this.dataset.sampleWeight?.(sample) ?? 1;
    if (this.encoding.kind === 'values') {
      this.dataset.readTarget(sample, this.targets, row * this.outputs);
      return;
    }
    this.dataset.readTarget(sample, this.#classNumber, 0);
    const classNumber = this.#classNumber[0] ?? Number.NaN;
    // A class out of range would be written into another sample's row.
    if (!isClass(classNumber, this.outputs)) {
      throw new DataError(`sample ${sample}: expected a class number from 0 to ${this.outputs - 1}, got ${classNumber}`);
    }
    this.targets[row * this.outputs + classNumber] = 1;
  }
}
