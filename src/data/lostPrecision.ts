import type { ArrayFile } from './arrays/arrayFile.js';
import { figuresOf, isLossy } from './table/figures.js';

/** Types some of whose values float32 does not have. */
const wide: ReadonlySet<ArrayFile['dtype']> = new Set(['float64', 'int64', 'uint64', 'int32', 'uint32']);

/** Values that are looked at, and columns that are told of. */
const mostValues = 2 ** 22;
const mostNotes = 3;

/**
 * Says which columns lose values once they are rounded to float32, as whatever is not normalized is: dates, seconds since
 * 1970 and long numbers come out the same. Only the first four million values are looked at.
 * @param names of the columns, where they have names
 */
export function lostValues(array: ArrayFile, names: readonly string[] | undefined, advice: string): string[] {
  if (!wide.has(array.dtype)) return [];
  const rows = Math.min(array.shape[0] ?? 0, Math.max(1, Math.floor(mostValues / array.rowWidth)));
  const { values, load, finish } = array.exact(rows);
  for (let row = 0; row < rows; row++) load(row, row);
  finish(rows);
  const width = array.rowWidth;
  const figures = figuresOf(
    values,
    width,
    Array.from({ length: width }, (_, column) => column),
  );
  return figures
    .flatMap((found, column) => (isLossy(found) ? [column] : []))
    .flatMap((column) => {
      const all = Array.from({ length: rows }, (_, row) => values[row * width + column] ?? Number.NaN);
      const [before, after] = [new Set(all).size, new Set(all.map(Math.fround)).size];
      if (before === after) return [];
      const where = names?.[column] ?? (width === 1 ? '' : String(column));
      return [
        `${array.path}${where === '' ? '' : `, column ${where}`}: ${before} different values become ${after} in float32${advice === '' ? '' : `: ${advice}`}`,
      ];
    })
    .slice(0, mostNotes);
}
