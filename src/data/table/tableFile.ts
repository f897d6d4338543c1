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
