import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { isNumber } from './cellNumbers.js';
import type { OnRow, Piece, TableFile, TableReading } from './tableFile.js';
import { checkColumns, cutLines, readRange } from './textLines.js';

const delimiters = [',', ';', '\t', '|'];

/** Bytes in which the first line must end. */
const longestHeader = 2 ** 22;

/**
 * Opens a CSV file (RFC 4180): quotes may hold delimiters, newlines and doubled quotes, lines may end with CRLF, and a byte
 * order mark is passed over. The delimiter is told from the first line. A first line of numbers alone is no header, unless
 * `reading` says so: columns are then called column0, column1 and so on. A blank line is a missing value in a table of one
 * column, and passed over in others.
 */
export function openCsv(path: string, size: number, reading: TableReading = {}): TableFile {
  const head = readRange(path, 0, Math.min(size, longestHeader));
  const delimiter = delimiterOf(head);
  let columns: readonly string[] | undefined;
  let bytes = 0;
  let lines = 0;
  parseCsv(path, head, { delimiter, firstLine: 1, most: 1, isWhole: size <= head.length, skipsBlank: true }, (row, info) => {
    columns ??= row;
    bytes ||= info.bytes;
    lines ||= info.lines;
  });
  if (!columns) throw new DataError(`${path}: is empty: expected a line with the names of the columns, and a line a sample`);
  const { isHeader, names, isGuessed } = headerOf(path, columns, reading);
  checkColumns(path, names, isGuessed ? ': if the first line is a row, say data.header: false' : '');
  const start = isHeader ? bytes : 0;
  const pieces = start >= size ? [] : cutLines(path, start, size, isHeader ? lines + 1 : 1, true);
  return {
    ...{ path, format: 'CSV', columns: names, pieces },
    guessedHeader: isGuessed ? columns : undefined,
    read: async (piece, onRow, most) => readCsv({ path, names, delimiter, isLast: piece.to >= size }, piece, onRow, most),
  };
}

/** What the first line of a file is, and what columns are called. */
function headerOf(
  path: string,
  first: readonly string[],
  { header, names }: TableReading,
): { readonly isHeader: boolean; readonly names: readonly string[]; readonly isGuessed: boolean } {
  const found = first.map((name) => name.trim());
  if (names && names.length !== first.length)
    throw new DataError(`${path}: data.names: expected ${first.length} names, one a column, got ${names.length}`);
  if (names) return { isHeader: header ?? names.every((name, i) => name === found[i]), names, isGuessed: false };
  // As pandas writes a frame without names of columns.
  const isCounted = found.every((name, i) => name === String(i));
  const isHeader = header ?? (isCounted || !found.every((name) => isNumber(name)));
  return {
    ...{ isHeader, names: isHeader ? found : found.map((_, i) => `column${i}`) },
    isGuessed: header === undefined && isHeader && !isCounted,
  };
}

interface CsvRows {
  readonly path: string;
  readonly names: readonly string[];
  readonly delimiter: string;
  /** Does nothing come behind it? Then blank lines at its end are none between rows. */
  readonly isLast: boolean;
}

/** Returns how many blank lines were passed over. */
function readCsv({ path, names, delimiter, isLast }: CsvRows, piece: Piece, onRow: OnRow, most: number | undefined): number {
  let waiting: string[] = [];
  let passedOver = 0;
  const rowsWaiting = (): void => {
    if (names.length === 1) for (const place of waiting) onRow([''], place);
    else passedOver += waiting.length;
    waiting = [];
  };
  const bytes = utf8(path, readRange(path, piece.from, piece.to));
  parseCsv(path, bytes, { delimiter, firstLine: piece.first, most, isWhole: true, skipsBlank: false }, (row, { line }) => {
    if (row.length === 1 && row[0] === '') {
      waiting.push(`line ${line}`);
      return;
    }
    if (row.length !== names.length) {
      throw new DataError(`${path}, line ${line}: expected ${names.length} values, one a column, got ${row.length}`);
    }
    if (waiting.length > 0) rowsWaiting();
    onRow(row, `line ${line}`);
  });
  if (!isLast) rowsWaiting();
  return passedOver;
}

interface RecordInfo {
  /** Bytes read up to its end. */
  readonly bytes: number;
  /** Lines read up to its end. */
  readonly lines: number;
  /** Its number in the file, counted from 1. */
  readonly line: number;
}

interface Parsing {
  readonly delimiter: string;
  readonly firstLine: number;
  /** Records to read at most. */
  readonly most: number | undefined;
  /** Are these bytes all that there are? */
  readonly isWhole: boolean;
  readonly skipsBlank: boolean;
}

function parseCsv(
  path: string,
  bytes: Buffer,
  { delimiter, firstLine, most, isWhole, skipsBlank }: Parsing,
  onRecord: (row: readonly string[], info: RecordInfo) => void,
): void {
  try {
    parse(bytes, {
      ...{ bom: true, delimiter, skip_empty_lines: skipsBlank, relax_column_count: true, relax_quotes: false },
      ...(most !== undefined && { to: most }),
      on_record: (row: string[], { bytes: read, lines }) => {
        onRecord(row, { bytes: read, lines, line: firstLine + lines - 1 });
        // Nothing is kept.
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Rows behind the last one that was wanted are of no matter, nor is one that was cut.
    if (!isWhole) return;
    const lines = 'lines' in error && typeof error.lines === 'number' ? error.lines : 1;
    const what = error.code === 'CSV_QUOTE_NOT_CLOSED' ? 'a quote is opened here and never closed' : errorMessage(error);
    throw new DataError(`${path}, line ${firstLine + lines - 1}: cannot be read as CSV: ${what}`);
  }
}

/** Letters in another encoding would become one and the same. */
function utf8(path: string, bytes: Buffer): Buffer {
  if (isUtf8(bytes)) return bytes;
  throw new DataError(`${path}: expected text in UTF-8, got another encoding: save it anew (iconv -f latin1 -t utf8)`);
}

/** The one that stands most often in the first line, outside of quotes. */
function delimiterOf(head: Buffer): string {
  const [line = ''] = head
    .toString('utf8')
    .replace(/"[^"]*"/g, '')
    .split('\n');
  const counts = delimiters.map((delimiter) => line.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ',';
}
