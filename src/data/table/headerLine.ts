import { show } from '../../shared/config/fields.js';
import { isMissing, isNumber } from './cellNumbers.js';
import type { PlacedRow, TableFile } from './tableFile.js';

/**
 * Questions a first line that was taken for names and looks like the rows below it: numbers stand over numbers, and one of
 * them is no name that anybody gives, or a text stands among those below.
 * @returns what is wrong, with both ways out; undefined where the line is a header
 */
export function headerProblem({ path, guessedHeader }: TableFile, rows: readonly PlacedRow[]): string | undefined {
  if (!guessedHeader) return undefined;
  const columns = guessedHeader.map((name, place) => ({ name, below: rows.map(({ row }) => row[place]).filter((v) => !isMissing(v)) }));
  const numbers = columns.filter(({ below }) => below.length > 0 && below.every((value) => isNumber(value)));
  const texts = columns.filter((column) => !numbers.includes(column));
  if (!numbers.every(({ name }) => isNumber(name))) return undefined;
  const again = texts.filter(({ name, below }) => below.includes(name));
  // Years are names of columns, measurements are not.
  const measured = numbers.some(({ name }) => !/^\d+$/.test(name.trim()));
  const isRow = numbers.length > 0 ? measured || again.length > 0 : texts.length > 0 && again.length === texts.length;
  if (!isRow) return undefined;
  return `${path}, line 1: expected the names of the columns, got what looks like a row (${guessedHeader.slice(0, 6).map(show).join(', ')}): if it is one, say data.header: false (columns are then called column0, column1, ...) or name them with data.names: [...]; if not, data.header: true`;
}
