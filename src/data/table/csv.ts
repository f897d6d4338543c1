import { isUtf8 } from 'node:buffer';
import { CsvError, parse } from 'csv-parse/sync';
import { DataError, errorMessage } from '../../shared/errors.js';
import { checkColumns, cutLines, readRange } from './lines.js';
import { isNumber } from './numbers.js';
import type { OnRow, Piece, TableFile } from './tableFile.js';

const delimiters = [',', ';', '\t', '|'];

/** Bytes in which the first line must end. */
const longestHeader = 2 ** 22;

/**
 * Opens a CSV file (RFC 4180): quotes may hold delimiters, newlines and doubled quotes, lines may end with CRLF, and a byte
 * order mark is passed over. The delimiter is told from the first line. A first line of numbers alone is no header: columns
 * are then called column0, column1 and so on.
 */
export function openCsv(path: string, size: number): TableFile {
  const head = readRange(path, 0, Math.min(size, longestHeader));
  const delimiter = delimiterOf(head);
  let columns: readonly string[] | undefined;
  let bytes = 0;
  let lines = 0;
  parseCsv(
    path,
    head,
    delimiter,
    1,
    (row, info) => {
      columns ??= row;
      bytes ||= info.bytes;
      lines ||= info.lines;
    },
    1,
    size <= head.length,
  );
  if (!columns) throw new DataError(`${path}: is empty: expected a line with the names of the columns, and a line a sample`);
  // As pandas writes a frame without names of columns.
  const isCounted = columns.every((name, i) => name === String(i));
  const isHeader = isCounted || !columns.every(isNumber);
  const names = isHeader ? columns.map((name) => name.trim()) : columns.map((_, i) => `column${i}`);
  checkColumns(path, names);
  const start = isHeader ? bytes : 0;
  const pieces = start >= size ? [] : cutLines(path, start, size, isHeader ? lines + 1 : 1, true);
  return {
    ...{ path, format: 'CSV', columns: names, pieces },
    read: async (piece, onRow, most) => readCsv(path, piece, names, delimiter, onRow, most),
  };
}

function readCsv(path: string, piece: Piece, names: readonly string[], delimiter: string, onRow: OnRow, most: number | undefined): void {
  parseCsv(
    path,
    utf8(path, readRange(path, piece.from, piece.to)),
    delimiter,
    piece.first,
    (row, { line }) => {
      if (row.length !== names.length) {
        throw new DataError(`${path}, line ${line}: expected ${names.length} values, one a column, got ${row.length}`);
      }
      onRow(row, `line ${line}`);
    },
    most,
    true,
  );
}

interface RecordInfo {
  /** Bytes read up to its end. */
  readonly bytes: number;
  /** Lines read up to its end. */
  readonly lines: number;
  /** Its number in the file, counted from 1. */
  readonly line: number;
}

function parseCsv(
  path: string,
  bytes: Buffer,
  delimiter: string,
  firstLine: number,
  onRecord: (row: readonly string[], info: RecordInfo) => void,
  most: number | undefined,
  isWhole: boolean,
): void {
  try {
    parse(bytes, {
      ...{ bom: true, delimiter, skip_empty_lines: true, relax_column_count: true, relax_quotes: false },
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
