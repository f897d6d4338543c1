import { slotsOf } from './encode.js';
import { type Column, widthOf } from './tableSchema.js';

/** Categories by column, in the order of the numbers that stand for them. */
export type Categories = Readonly<Record<string, readonly string[]>>;

/**
 * Rows in which each category of a column has become a value of its own, 1 or 0; NaN where it was missing. Numbers are rounded
 * to float32, but for those of columns that are to be exact.
 * @param values as a RowEncoder gives them
 * @param columns whose categories are known
 * @param found what the numbers in `values` stand for
 */
export function expandCategories(values: Float64Array, columns: readonly Column[], found: Categories): Float32Array | Float64Array {
  const isExact = columns.some(isKeptExact);
  if (!isExact && columns.every(({ kind }) => kind !== 'category')) return Float32Array.from(values);
  const from = columns.reduce((sum, column) => sum + slotsOf(column), 0);
  const to = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const size = (values.length / from) * to;
  const result = isExact ? new Float64Array(size) : new Float32Array(size);
  const moves = columns.map((column) => ({
    slots: slotsOf(column),
    width: widthOf(column),
    isExact: isKeptExact(column),
    numbers: column.kind === 'category' ? numbersOf(column, found) : undefined,
  }));
  for (let read = 0, written = 0; read < values.length; ) {
    for (const { slots, width, numbers, isExact } of moves) {
      const value = values[read] ?? Number.NaN;
      if (!numbers) copy(values.subarray(read, read + slots), result, written, isExact);
      else if (Number.isNaN(value)) result.fill(Number.NaN, written, written + width);
      else result[written + (numbers[value] ?? 0)] = 1;
      read += slots;
      written += width;
    }
  }
  return result;
}

function copy(numbers: Float64Array, into: Float32Array | Float64Array, at: number, isExact: boolean): void {
  for (const [i, number] of numbers.entries()) into[at + i] = isExact ? number : Math.fround(number);
}

/** Would float32 make different values of it the same? */
export function isKeptExact(column: Column): boolean {
  return column.kind === 'number' && column.isExact === true;
}

/** Numbers of a column's categories among all of them, by those that they were found under. */
export function numbersOf(column: Column, found: Categories): number[] {
  const all = column.kind === 'category' ? (column.categories ?? []) : [];
  const numbers = new Map(all.map((name, i) => [name, i]));
  return (found[column.name] ?? []).map((name) => numbers.get(name) ?? 0);
}
