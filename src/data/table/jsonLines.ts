import { isMapping } from '../../shared/config/merge.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { depthOf } from '../../shared/text/nesting.js';
import type { Piece, TableFile } from './tableFile.js';
import { checkColumns, cutLines, readRange } from './textLines.js';

/** Opens a file with a JSON mapping a line, all with the keys of the first; a value may be a list of numbers. Source: https://jsonlines.org */
export function openJsonLines(path: string, size: number): TableFile {
  const pieces = cutLines(path, 0, size, 1, false);
  let columns: readonly string[] | undefined;
  const [firstPiece] = pieces;
  if (firstPiece) forEachLine(path, firstPiece, 1, (value) => (columns = Object.keys(value)));
  if (!columns) throw new DataError(`${path}: is empty: expected a JSON mapping a line`);
  const names = columns;
  checkColumns(path, names);
  return {
    ...{ path, format: 'JSON lines', columns: names, pieces },
    read: async (piece, onRow, most) =>
      forEachLine(path, piece, most, (value, line) => {
        const unknown = Object.keys(value).find((key) => !names.includes(key));
        if (unknown !== undefined) {
          throw new DataError(
            `${path}, line ${line}: expected the keys of the first line (${names.join(', ')}), got ${JSON.stringify(unknown)} too`,
          );
        }
        onRow(
          names.map((name) => (Object.hasOwn(value, name) ? value[name] : undefined)),
          `line ${line}`,
        );
      }),
  };
}

/** Levels of a line: a mapping, and lists within lists for samples with a shape. */
const deepest = 32;

/** Returns how many blank lines there are between others. */
function forEachLine(
  path: string,
  piece: Piece,
  most: number | undefined,
  onValue: (value: Readonly<Record<string, unknown>>, line: number) => void,
): number {
  const text = readRange(path, piece.from, piece.to)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  let left = most ?? Number.POSITIVE_INFINITY;
  let line = piece.first;
  let [blank, waiting] = [0, 0];
  for (let at = 0; at < text.length && left > 0; line++) {
    const end = text.indexOf('\n', at);
    const content = text.slice(at, end < 0 ? text.length : end);
    at = end < 0 ? text.length : end + 1;
    if (content.trim() === '') {
      waiting++;
      continue;
    }
    blank += waiting;
    waiting = 0;
    left--;
    onValue(mappingOf(path, content, line), line);
  }
  return blank;
}

function mappingOf(path: string, content: string, line: number): Readonly<Record<string, unknown>> {
  if (depthOf(content) > deepest)
    throw new DataError(
      `${path}, line ${line}: expected lists of numbers, got lists or mappings within each other beyond ${deepest} levels`,
    );
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new DataError(`${path}, line ${line}: is not JSON: ${errorMessage(error)}`);
  }
  if (!isMapping(value))
    throw new DataError(`${path}, line ${line}: expected a mapping, as {"age": 41, "city": "Oslo"}, got ${content.slice(0, 60)}`);
  return value;
}
