import type { Preparation } from '../shared/config/dataSchema.js';
import { sizeOf } from '../shared/model/shape.js';
import { DataError } from '../shared/text/errors.js';
import type { ArrayDataset } from './samples/arrayDataset.js';

/** Samples read at a time. */
const chunkSize = 512;

/** How a preparation is found from samples. */
export interface Fit {
  /** standardize: to mean 0 and deviation 1, as scikit-learn's StandardScaler; minmax: to 0 and 1; else divided by a number, or left. */
  readonly method: 'standardize' | 'minmax' | { readonly divide: number } | undefined;
  /** What stands in for missing values, which are NaN. */
  readonly missing: 'mean' | 'zero' | undefined;
  /** Inputs that stay as they are: those that say whether a category is there. */
  readonly isFixed: (input: number) => boolean;
}

/** What is looked at of the training part. */
export type Measurable = Pick<ArrayDataset, 'count' | 'inputShape' | 'exactInputs'>;

/** Finds in numbers how inputs are prepared. @param train the training part, its inputs as they stand in the file */
export function fitPreparation(train: Measurable, { method, missing, isFixed }: Fit): Preparation {
  const { means, deviations, least, most } = momentsOf(train);
  const inputs = Array.from(means.keys());
  const scaled = (input: number, fit: (input: number) => number, otherwise: number): number => (isFixed(input) ? otherwise : fit(input));
  // An input that is always the same is only moved.
  const orOne = (extent: number): number => (extent > 0 ? extent : 1);
  const [subtract, divide] = ((): [(i: number) => number, (i: number) => number] => {
    if (method === 'standardize') return [(i) => means[i] ?? 0, (i) => orOne(deviations[i] ?? 0)];
    if (method === 'minmax') return [(i) => least[i] ?? 0, (i) => orOne((most[i] ?? 0) - (least[i] ?? 0))];
    return [() => 0, () => method?.divide ?? 1];
  })();
  return {
    ...(missing && { fill: inputs.map((i) => (missing === 'mean' ? scaled(i, (input) => means[input] ?? 0, 0) : 0)) }),
    subtract: inputs.map((i) => scaled(i, subtract, 0)),
    divide: inputs.map((i) => scaled(i, divide, 1)),
  };
}

/** Of each input, missing values left out, in the order of the samples (Welford 1962). */
class Moments {
  readonly means: Float64Array;
  readonly least: Float64Array;
  readonly most: Float64Array;
  readonly #counts: Float64Array;
  readonly #squares: Float64Array;

  constructor(width: number) {
    [this.means, this.#counts, this.#squares] = [new Float64Array(width), new Float64Array(width), new Float64Array(width)];
    this.least = new Float64Array(width);
    this.most = new Float64Array(width);
  }

  get deviations(): Float64Array {
    return this.#squares.map((sum, i) => Math.sqrt(sum / Math.max(1, this.#counts[i] ?? 0)));
  }

  /** @param row values of one sample */
  add(row: Float64Array): void {
    for (const [i, value] of row.entries()) {
      if (Number.isNaN(value)) continue;
      if (!Number.isFinite(value)) throw new DataError(`inputs: expected finite numbers to be normalized by, got ${value} in input ${i}`);
      this.#take(i, value);
    }
  }

  #take(i: number, value: number): void {
    const count = (this.#counts[i] ?? 0) + 1;
    const before = value - (this.means[i] ?? 0);
    const mean = (this.means[i] ?? 0) + before / count;
    this.#counts[i] = count;
    this.means[i] = mean;
    this.#squares[i] = (this.#squares[i] ?? 0) + before * (value - mean);
    this.least[i] = count === 1 ? value : Math.min(this.least[i] ?? value, value);
    this.most[i] = count === 1 ? value : Math.max(this.most[i] ?? value, value);
  }
}

function momentsOf(dataset: Measurable): Moments {
  const width = sizeOf(dataset.inputShape);
  const moments = new Moments(width);
  const rows = dataset.exactInputs(Math.min(chunkSize, dataset.count));
  for (let first = 0; first < dataset.count; first += chunkSize) {
    const size = Math.min(chunkSize, dataset.count - first);
    for (let row = 0; row < size; row++) rows.load(row, first + row);
    rows.finish(size);
    for (let row = 0; row < size; row++) moments.add(rows.values.subarray(row * width, (row + 1) * width));
  }
  return moments;
}
