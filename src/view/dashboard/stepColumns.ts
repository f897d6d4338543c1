import type { Column, StepSeries, Value } from './api.js';

/** Points of one answer at most. */
export const mostPoints = 10_000;

/** Figures of all steps of a run, by name. */
export class StepColumns {
  readonly #columns = new Map<string, Growing>();
  readonly #samples = new Growing();
  #count = 0;
  #sampleCount = 0;

  /** Steps. */
  get count(): number {
    return this.#count;
  }

  get names(): string[] {
    return [...this.#columns.keys()];
  }

  /** @param figures by name; what is missing or not a number is not known */
  add(samples: number, figures: Readonly<Record<string, unknown>>): void {
    this.#sampleCount += samples;
    this.#samples.push(this.#sampleCount);
    for (const [name, value] of Object.entries(figures)) {
      const column = this.#columns.get(name) ?? new Growing();
      this.#columns.set(name, column);
      column.fillTo(this.#count);
      // Those that are not finite stand as text in JSON.
      column.push(value === null ? Number.NaN : Number(value));
    }
    this.#count++;
  }

  /** The figures of the last step that are finite. */
  last(): Readonly<Record<string, number>> {
    const figures = [...this.#columns].map(([name, column]): [string, number] => [name, column.at(this.#count - 1)]);
    return Object.fromEntries(figures.filter(([, value]) => Number.isFinite(value)));
  }

  get samples(): number {
    return this.#sampleCount;
  }

  /**
   * Steps [from, to), `stride` of them a point; points begin at multiples of the stride, so that a longer series begins as a
   * shorter one does.
   * @param seconds gives the time of a step, where times are known
   */
  series(from: number, to: number, stride: number): StepSeries {
    const first = Math.floor(Math.max(0, from) / stride) * stride;
    const end = Math.min(to, this.#count);
    const starts = Array.from({ length: Math.max(0, Math.ceil((end - first) / stride)) }, (_, i) => first + i * stride);
    const lasts = starts.map((start) => Math.min(start + stride, end) - 1);
    const columns = [...this.#columns].map(([name, column]): [string, Column] => [name, column.points(starts, lasts, stride)]);
    return {
      ...{ from: first, to: end, stride },
      step: lasts,
      samples: lasts.map((last) => this.#samples.at(last)),
      columns: Object.fromEntries(columns),
    };
  }
}

/** An array of float64 that doubles when it is full. */
class Growing {
  #values = new Float64Array(256);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  fillTo(length: number): void {
    while (this.#length < length) this.push(Number.NaN);
  }

  at(index: number): number {
    return index < this.#length ? (this.#values[index] ?? Number.NaN) : Number.NaN;
  }

  points(starts: readonly number[], lasts: readonly number[], stride: number): Column {
    if (stride === 1) return { mean: starts.map((start) => finite(this.at(start))) };
    const points = starts.map((start, i) => this.#spread(start, lasts[i] ?? start));
    return { mean: points.map(([mean]) => mean), min: points.map(([, min]) => min), max: points.map(([, , max]) => max) };
  }

  /** Mean, least and largest of what is finite from `first` to `last`. */
  #spread(first: number, last: number): [Value, Value, Value] {
    let [sum, count, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = first; i <= last; i++) {
      const value = this.at(i);
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    return count === 0 ? [null, null, null] : [sum / count, min, max];
  }
}

function finite(value: number): Value {
  return Number.isFinite(value) ? value : null;
}
