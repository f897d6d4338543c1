import { DataError } from '../../shared/errors.js';
import { fileSize, firstBytes } from '../files.js';
import { openCsv } from './csv.js';
import { openJsonLines } from './jsonLines.js';
import { openParquet } from './parquet.js';

/** A part of a table that can be read by itself. Plain data, so that another process may read it. */
export interface Piece {
  /** Bytes of a file of text, rows of a Parquet file; counted from 0. */
  readonly from: number;
  readonly to: number;
  /** The number of its first line or row, as people count: from 1. */
  readonly first: number;
}

/** One row: values in the order of the table's columns; undefined or null where one is missing. */
export type Row = readonly unknown[];

/** Is told each row, and where it is: `line 7`, or `row 7` in a Parquet file. */
export type OnRow = (row: Row, place: string) => void;

/** A file of rows with named columns. */
export interface TableFile {
  readonly path: string;
  readonly format: 'CSV' | 'JSON lines' | 'Parquet';
  /** Names of its columns, each its own. */
  readonly columns: readonly string[];
  readonly pieces: readonly Piece[];
  /** Reads the rows of a piece, in order, of at most `most`. @throws DataError naming the line that cannot be read */
  read(piece: Piece, onRow: OnRow, most?: number): Promise<void>;
}

/**
 * Opens a table: CSV (also with semicolons or tabs), JSON lines or Parquet: which of them is told from its bytes, not its name.
 * @throws DataError naming the file: it cannot be read, is empty, damaged, or of another format
 */
export async function openTable(path: string): Promise<TableFile> {
  const size = fileSize(path);
  const head = firstBytes(path, 4096);
  if (head.length === 0) throw new DataError(`${path}: is empty: expected a table, as CSV, JSON lines or Parquet`);
  if (head.toString('latin1', 0, 4) === 'PAR1') return openParquet(path);
  if (head[0] === 0x1f && head[1] === 0x8b) throw new DataError(`${path}: expected a table, got a gzip archive: unpack it first (gunzip)`);
  if (head.includes(0))
    throw new DataError(`${path}: expected a table, as CSV, JSON lines or Parquet, got a file of bytes that are no text`);
  return /^\uFEFF?\s*[{[]/.test(head.toString('utf8')) ? openJsonLines(path, size) : openCsv(path, size);
}
