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

export interface PlacedRow {
  readonly row: Row;
  readonly place: string;
}

/** How a CSV file is read whose first line does not tell by itself. */
export interface TableReading {
  /** Is its first line the names of the columns? Default: unless it is all numbers; with `names`: only where it says them. */
  readonly header?: boolean | undefined;
  /** What its columns are called instead. */
  readonly names?: readonly string[] | undefined;
}

/** A file of rows with named columns. */
export interface TableFile {
  readonly path: string;
  readonly format: 'CSV' | 'JSON lines' | 'Parquet';
  /** Names of its columns, each its own. */
  readonly columns: readonly string[];
  /** Columns that only count rows, as far as the file itself says so. */
  readonly index?: readonly string[];
  /** A first line that was taken for the names of the columns, with nobody having said so. */
  readonly guessedHeader?: readonly string[] | undefined;
  readonly pieces: readonly Piece[];
  /**
   * Reads the rows of a piece, in order, at most `most`.
   * @returns how many blank lines between rows were passed over
   * @throws DataError naming the line that cannot be read
   */
  read(piece: Piece, onRow: OnRow, most?: number): Promise<number>;
}

/** What a person should know of a table some of whose lines are blank. */
export function blankLinesNote(path: string, count: number): string {
  return `${path}: blank lines between rows are passed over: ${count}`;
}
