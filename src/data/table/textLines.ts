import { constants } from 'node:buffer';
import { closeSync, openSync } from 'node:fs';
import { readFully, unreadable } from '../../shared/files/readFile.js';
import { DataError } from '../../shared/text/errors.js';
import type { Piece } from './tableFile.js';

/** Bytes of text that are read at once. */
const pieceBytes = 2 ** 24;

const newline = 0x0a;
const quote = 0x22;

/** Bytes [from, to) of a file, fewer where it ends before. */
export function readRange(path: string, from: number, to: number): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const bytes = Buffer.allocUnsafe(to - from);
    return bytes.subarray(0, readFully(bytes, file, from));
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * Cuts a file of text into pieces that end with whole lines, of about `wanted` bytes.
 * @param start where the first line begins, in bytes
 * @param first number of that line, counted from 1
 * @param hasQuotes may a line go on within quotes, as in CSV?
 * @throws DataError for a line that is too long to be read
 */
export function cutLines(
  path: string,
  start: number,
  size: number,
  first: number,
  hasQuotes: boolean,
  wanted: number = pieceBytes,
): Piece[] {
  if (size - start <= wanted) return [{ from: start, to: size, first }];
  const pieces: Piece[] = [];
  let from = start;
  let firstLine = first;
  let line = first;
  let isQuoted = false;
  for (let at = start; at < size; at += pieceBytes) {
    const block = readRange(path, at, Math.min(size, at + pieceBytes));
    isQuoted = forEachNewline(block, hasQuotes, isQuoted, (place, isWithin) => {
      line++;
      const end = at + place + 1;
      if (isWithin || end - from < wanted || end === size) return;
      pieces.push({ from, to: end, first: firstLine });
      [from, firstLine] = [end, line];
    });
  }
  if (from < size) pieces.push({ from, to: size, first: firstLine });
  checkLengths(path, pieces);
  return pieces;
}

/** A piece is as long as its longest line, and read as one text. @throws DataError for one that Node.js has no room for */
export function checkLengths(path: string, pieces: readonly Piece[], most: number = constants.MAX_STRING_LENGTH): void {
  const long = pieces.find(({ from, to }) => to - from > most);
  if (long)
    throw new DataError(
      `${path}, line ${long.first}: expected lines and fields of at most ${most} bytes, got ${long.to - long.from}: is a quote or a line end missing?`,
    );
}

/** Visits every newline, within quotes or not. Returns whether the block ends within quotes. */
function forEachNewline(block: Buffer, hasQuotes: boolean, isQuoted: boolean, visit: (place: number, isQuoted: boolean) => void): boolean {
  if (!hasQuotes || (!isQuoted && !block.includes(quote))) {
    for (let i = block.indexOf(newline); i >= 0; i = block.indexOf(newline, i + 1)) visit(i, false);
    return false;
  }
  let isWithin = isQuoted;
  for (let i = 0; i < block.length; i++) {
    if (block[i] === quote) isWithin = !isWithin;
    else if (block[i] === newline) visit(i, isWithin);
  }
  return isWithin;
}

/** @param advice what else to do. @throws DataError naming the column that stands there twice */
export function checkColumns(path: string, columns: readonly string[], advice = ''): void {
  const seen = new Set<string>();
  const twice = columns.find((name) => seen.has(name) || !seen.add(name));
  if (twice !== undefined)
    throw new DataError(`${path}: expected a name of its own for each column, got ${JSON.stringify(twice)} twice${advice}`);
}
