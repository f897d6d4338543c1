import { createHash } from 'node:crypto';
import type { FileData, Preparation } from '../../shared/config/dataSchema.js';
import { shortHash } from '../../shared/files/shortHash.js';
import { bytesOf } from '../../shared/numbers/bytesOf.js';
import type { RawSamples, SplitLayout } from '../../shared/protocol/dataLayout.js';
import { DataError } from '../../shared/text/errors.js';
import { type ArrayFile, type ArraySource, openArray } from '../arrays/arrayFile.js';
import { numberReader, type RowBuffer } from '../arrays/rows.js';
import { fingerprint, type HashedArray } from '../fingerprint.js';
import { classReader } from './classWeights.js';
import type { Dataset, TargetKind } from './dataset.js';
import { remembered } from './remembered.js';
import { targetKind } from './targets.js';

/** Inputs and targets, a row a sample; and what the loss of each sample is multiplied by, where that is not 1. */
export interface ArrayPair {
  readonly x: ArraySource;
  readonly y: ArraySource;
  readonly sampleWeights?: ArraySource | undefined;
}

/** Arrays that samples are in. */
export interface ArrayData extends ArrayPair, Pick<FileData, 'take' | 'normalize' | 'stratify' | 'classWeights'> {
  /** Rows that are the same are of one group. */
  readonly groups?: ArraySource | undefined;
  readonly validation?: ArrayPair | undefined;
  readonly test?: ArrayPair | undefined;
}

/** Which rows of two arrays are samples: those from `first` on, or those with these numbers. */
type Rows = { readonly first: number; readonly count: number } | { readonly numbers: Int32Array; readonly count: number };

/** What samples are made of. */
interface Source {
  readonly x: ArrayFile;
  readonly y: ArrayFile;
  /** Of all rows. */
  readonly weights?: ArrayFile | undefined;
  /** Weights by class number, by which those are multiplied. */
  readonly byClass?: readonly number[] | undefined;
  readonly preparation: Preparation | undefined;
  readonly rows: Rows;
}

/** A file that samples are read from as they are needed. */
export interface ReadFile {
  readonly path: string;
  /** Has it been written to since it was opened? */
  readonly isChanged: () => boolean;
}

/** Samples that are rows of two arrays, inputs and targets. Parts share the arrays' memory. */
export class ArrayDataset implements Dataset {
  readonly inputShape: readonly number[];
  readonly targets: TargetKind;
  readonly count: number;
  readonly x: ArrayFile;
  readonly y: ArrayFile;
  readonly #source: Source;
  #fingerprint: string | undefined;

  readonly sampleWeight: Dataset['sampleWeight'];

  private constructor(source: Source) {
    const { x, y, rows, weights, byClass } = source;
    this.#source = source;
    this.x = x;
    this.y = y;
    this.count = rows.count;
    this.inputShape = x.shape.length === 1 ? [1] : x.shape.slice(1);
    this.targets = targetKind(y.isInteger, y.rowWidth);
    this.sampleWeight = weights || byClass ? this.#weightReader() : undefined;
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
    const weights = files.sampleWeights === undefined ? undefined : openWeights(files.sampleWeights, x);
    return new ArrayDataset({ x, y, weights, preparation, rows: { first: 0, count: inputs } });
  }

  /** The file of inputs, where they are read from it row by row; undefined where they are in memory. */
  get readFile(): ReadFile | undefined {
    const { path, isChanged } = this.x;
    return isChanged && { path, isChanged };
  }

  /** The samples [first, first + count) of this one. */
  slice(first: number, count: number): ArrayDataset {
    const { rows } = this.#source;
    return this.#with({
      rows: 'first' in rows ? { first: rows.first + first, count } : { numbers: rows.numbers.subarray(first, first + count), count },
    });
  }

  /** The samples with these numbers. */
  pick(samples: Int32Array): ArrayDataset {
    return this.#with({ rows: { numbers: samples.map((sample) => this.#row(sample)), count: samples.length } });
  }

  /** The same samples, prepared in another way. */
  prepared(preparation: Preparation | undefined): ArrayDataset {
    return this.#with({ preparation });
  }

  /** The same samples, those of each class weighted besides. */
  weighted(byClass: readonly number[] | undefined): ArrayDataset {
    return this.#with({ byClass });
  }

  #with(changes: Partial<Source>): ArrayDataset {
    return new ArrayDataset({ ...this.#source, ...changes });
  }

  #weightReader(): (sample: number) => number {
    const { weights, byClass } = this.#source;
    const own = weights && numberReader(weights.rows);
    const classOf = classReader(this);
    return (sample) => (own ? own(this.#row(sample)) : 1) * (byClass ? (byClass[classOf(sample)] ?? 1) : 1);
  }

  /** Hashed when first asked for, as this reads all bytes. */
  get fingerprint(): string {
    this.#fingerprint ??= this.#withWeights(this.#remembered());
    return this.#fingerprint;
  }

  /** To hash a file that does not fit into memory takes a while, and every worker on a machine would. */
  #remembered(): string {
    const { x, y, rows, preparation } = this.#source;
    if (x.stamp === undefined) return this.#hash();
    const targets = fingerprint([part(y, { first: 0, count: y.shape[0] ?? 0 }, null)]);
    const which = 'first' in rows ? rows : digestOf(rows.numbers);
    return remembered([x.stamp, targets, which, preparation ?? null], () => this.#hash());
  }

  inputs(capacity: number): RowBuffer {
    const { values, load, finish } = this.x.buffer(capacity, this.#source.preparation);
    return { values, load: (place, index) => load(place, this.#row(index)), finish };
  }

  /** Inputs exactly as in the file, as float64. */
  exactInputs(capacity: number): RowBuffer<Float64Array> {
    const { values, load, finish } = this.x.exact(capacity);
    return { values, load: (place, index) => load(place, this.#row(index)), finish };
  }

  readTarget(index: number, into: Float32Array, offset: number): void {
    this.y.rows(this.#row(index), into, offset);
  }

  targetPlace(index: number): string {
    return `${this.y.path}, row ${this.#row(index)}`;
  }

  /** What its samples are like, as they stand in the files. */
  get layout(): SplitLayout {
    const { count, x, y, sampleWeight } = this;
    const ofRows = ({ dtype, shape, rowBytes }: ArrayFile) => ({ dtype, shape: shape.slice(1), bytes: rowBytes });
    return { count, inputs: ofRows(x), targets: ofRows(y), isWeighted: sampleWeight !== undefined };
  }

  /** Some samples, as they stand in the files. */
  raw(samples: readonly number[]): RawSamples {
    const { x, y, sampleWeight } = this;
    const rows = samples.map((sample) => this.#row(sample));
    const arrays = [rowsOf(x, rows), rowsOf(y, rows)];
    return sampleWeight ? [...arrays, bytesOf(Float32Array.from(samples, sampleWeight))] : arrays;
  }

  /** A wrong index would read a sample of another part. */
  #row(index: number): number {
    if (!(index >= 0 && index < this.count)) throw new RangeError(`Expected a sample from 0 to ${this.count - 1}, got ${index}`);
    const { rows } = this.#source;
    return 'first' in rows ? rows.first + index : (rows.numbers[index] ?? -1);
  }

  /** Weights are read each time: they are few. */
  #withWeights(fingerprint: string): string {
    const { sampleWeight } = this;
    if (!sampleWeight) return fingerprint;
    const weights = Float64Array.from({ length: this.count }, (_, sample) => sampleWeight(sample));
    return shortHash([fingerprint, bytesOf(weights)]);
  }

  #hash(): string {
    const { rows, preparation } = this.#source;
    const how = preparation && !('subtract' in preparation) ? preparation.divide : (preparation ?? null);
    if ('first' in rows) return fingerprint([part(this.x, rows, how), part(this.y, rows, null)]);
    const { numbers } = rows;
    const all = { first: 0, count: this.x.shape[0] ?? 0 };
    const whole = fingerprint([part(this.x, all, how), part(this.y, all, null)]);
    return shortHash([whole, digestOf(numbers)]);
  }
}

/** @throws DataError where they are not one number of at least 0 a sample */
function openWeights(source: ArraySource, x: ArrayFile): ArrayFile {
  const weights = openArray(source);
  const [count = 0] = weights.shape;
  const [samples = 0] = x.shape;
  if (count !== samples || weights.rowWidth !== 1) {
    throw new DataError(`${weights.path}: expected ${samples} weights, one a sample of ${x.path}, got [${weights.shape.join(', ')}]`);
  }
  const read = numberReader(weights.rows);
  for (let row = 0; row < count; row++) {
    const weight = read(row);
    if (!(Number.isFinite(weight) && weight >= 0))
      throw new DataError(`${weights.path}: expected finite weights of at least 0, got ${weight} for sample ${row}`);
  }
  return weights;
}

/** In the order asked for; read in that of the file, and neighbours at once. */
function rowsOf(array: ArrayFile, rows: readonly number[]): Uint8Array {
  const { rowBytes } = array;
  const bytes = new Uint8Array(rows.length * rowBytes);
  const wanted = [...rows.entries()].sort(([, a], [, b]) => a - b);
  for (let i = 0; i < wanted.length; ) {
    const [, first = 0] = wanted[i] ?? [];
    let end = i + 1;
    while (wanted[end]?.[1] === first + end - i) end++;
    let at = 0;
    for (const piece of array.pieces(first, first + end - i)) {
      // A piece is whole rows.
      for (let from = 0; from < piece.length; from += rowBytes, at++)
        bytes.set(piece.subarray(from, from + rowBytes), (wanted[i + at]?.[0] ?? 0) * rowBytes);
    }
    i = end;
  }
  return bytes;
}

function digestOf(numbers: Int32Array): string {
  return createHash('sha256').update(bytesOf(numbers)).digest('hex');
}

function part(
  array: ArrayFile,
  { first, count }: { readonly first: number; readonly count: number },
  divide: HashedArray['divide'],
): HashedArray {
  const { dtype, shape } = array;
  return { dtype, shape: [count, ...shape.slice(1)], divide, pieces: array.pieces(first, first + count) };
}
