import { slotsOf } from './encode.js';
import { type Column, widthOf } from './schema.js';

/** Categories by column, in the order of the numbers that stand for them. */
export type Categories = Readonly<Record<string, readonly string[]>>;

/**
 * Rows in which each category of a column has become a value of its own, 1 or 0; NaN where it was missing.
 * @param values as a RowEncoder gives them
 * @param columns whose categories are known
 * @param found what the numbers in `values` stand for
 */
export function expandCategories(values: Float32Array, columns: readonly Column[], found: Categories): Float32Array {
  if (columns.every(({ kind }) => kind !== 'category')) return values;
  const from = columns.reduce((sum, column) => sum + slotsOf(column), 0);
  const to = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const result = new Float32Array((values.length / from) * to);
  const moves = columns.map((column) => ({
    slots: slotsOf(column),
    width: widthOf(column),
    numbers: column.kind === 'category' ? numbersOf(column, found) : undefined,
  }));
  for (let read = 0, written = 0; read < values.length; ) {
    for (const { slots, width, numbers } of moves) {
      const value = values[read] ?? Number.NaN;
      if (!numbers) result.set(values.subarray(read, read + slots), written);
      else if (Number.isNaN(value)) result.fill(Number.NaN, written, written + width);
      else result[written + (numbers[value] ?? 0)] = 1;
      read += slots;
      written += width;
    }
  }
  return result;
}

/** Numbers of a column's categories among all of them, by those that they were found under. */
export function numbersOf(column: Column, found: Categories): number[] {
  const all = column.kind === 'category' ? (column.categories ?? []) : [];
  const numbers = new Map(all.map((name, i) => [name, i]));
  return (found[column.name] ?? []).map((name) => numbers.get(name) ?? 0);
}
