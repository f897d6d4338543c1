import { isCoarse } from '../../shared/numbers/float32Steps.js';

/** What is known of the numbers of a column, to be put together from parts of a table. Missing values are left out. */
export interface ColumnFigures {
  readonly count: number;
  readonly least: number;
  readonly most: number;
  readonly sum: number;
  readonly squares: number;
  /** Are all of them whole? */
  readonly isWhole: boolean;
  /** Does float32 have all of them? */
  readonly isRepresentable: boolean;
}

const none: ColumnFigures = { count: 0, least: 0, most: 0, sum: 0, squares: 0, isWhole: true, isRepresentable: true };

/** @param values [rows, width], row-major. Returns figures of each of `slots` of a row. */
export function figuresOf(values: Float64Array, width: number, slots: readonly number[]): ColumnFigures[] {
  return slots.map((slot) => {
    let [count, least, most, sum, squares, isWhole, isRepresentable] = [0, Infinity, -Infinity, 0, 0, true, true];
    for (let at = slot; at < values.length; at += width) {
      const value = values[at] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      count++;
      if (value < least) least = value;
      if (value > most) most = value;
      sum += value;
      squares += value * value;
      isWhole &&= Number.isInteger(value);
      isRepresentable &&= Math.fround(value) === value;
    }
    return count === 0 ? none : { count, least, most, sum, squares, isWhole, isRepresentable };
  });
}

export function joinFigures(parts: readonly ColumnFigures[]): ColumnFigures {
  return parts.reduce((a, b) => {
    if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a;
    return {
      ...{ count: a.count + b.count, least: Math.min(a.least, b.least), most: Math.max(a.most, b.most) },
      ...{ sum: a.sum + b.sum, squares: a.squares + b.squares },
      ...{ isWhole: a.isWhole && b.isWhole, isRepresentable: a.isRepresentable && b.isRepresentable },
    };
  }, none);
}

/** Would float32 make different values the same: whole numbers, or values that lie close to each other and far from 0? */
export function isLossy({ least, most, isWhole, isRepresentable }: ColumnFigures): boolean {
  return !isRepresentable && (isWhole || isCoarse(most - least, Math.max(Math.abs(least), Math.abs(most))));
}

/** Are they the numbers from 0 or 1 on, each once, in any order? */
export function isCount({ count, least, most, sum, squares, isWhole }: ColumnFigures): boolean {
  if (!isWhole || count < 20 || (least !== 0 && least !== 1) || most - least !== count - 1) return false;
  const upTo = (n: number): number => (n * (n + 1)) / 2;
  const squaresUpTo = (n: number): number => (n * (n + 1) * (2 * n + 1)) / 6;
  // Of many rows the sums are rounded.
  const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.abs(b);
  return isNear(sum, upTo(most)) && isNear(squares, squaresUpTo(most));
}
