import { asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { isMapping } from '../../shared/config/merge.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import type { OnRow, Piece, TableFile } from './tableFile.js';
import { checkColumns } from './textLines.js';

/** Opens a Parquet file, of any of its compressions. Source: https://parquet.apache.org/docs/file-format */
export async function openParquet(path: string): Promise<TableFile> {
  const damaged = (error: unknown): DataError =>
    new DataError(`${path}: cannot be read as Parquet, it is damaged or cut short: ${errorMessage(error)}`);
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    checkColumns(path, columns);
    const read = async ({ from, to, first }: Piece, onRow: OnRow, most = to - from): Promise<number> => {
      let rows: readonly unknown[][] = [];
      try {
        await parquetRead({
          file,
          metadata,
          compressors,
          rowStart: from,
          rowEnd: Math.min(to, from + most),
          onComplete: (found) => {
            rows = found as unknown[][];
          },
        });
      } catch (error) {
        throw damaged(error);
      }
      for (const [i, row] of rows.entries()) onRow(row, `row ${first + i}`);
      return 0;
    };
    const groups = metadata.row_groups.map(({ num_rows: rows }) => Number(rows));
    checkRows(path, groups, Number(metadata.num_rows), file.byteLength);
    const index = pandasIndex(metadata.key_value_metadata?.find(({ key }) => key === 'pandas')?.value);
    return { path, format: 'Parquet', columns, index, pieces: piecesOf(groups), read };
  } catch (error) {
    throw error instanceof DataError ? error : damaged(error);
  }
}

/**
 * The columns that hold the index of a pandas frame.
 * @param text as pandas notes it. Source: https://pandas.pydata.org/docs/development/developer.html
 */
export function pandasIndex(text: string | undefined): string[] {
  try {
    const noted: unknown = JSON.parse(text ?? '{}');
    const columns = isMapping(noted) ? noted['index_columns'] : undefined;
    // An index that only counts is noted as a mapping, and has no column.
    return Array.isArray(columns) ? columns.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

/** Rows that one byte of a file may stand for: writers begin a new page, with a head of its own, after about a million equal values. */
const mostRowsPerByte = 2 ** 16;

/**
 * Checks the numbers of rows that a footer states before there is room for them.
 * @param groups rows of each row group
 * @param total rows of the file
 * @param size bytes of the file
 * @throws DataError
 */
export function checkRows(path: string, groups: readonly number[], total: number, size: number): void {
  const negative = groups.find((rows) => !(rows >= 0));
  const sum = groups.reduce((all, rows) => all + rows, 0);
  if (negative !== undefined) throw new DataError(`${path}: is damaged: a row group has ${negative} rows`);
  if (sum !== total) throw new DataError(`${path}: is damaged: expected ${total} rows in all, got row groups of ${sum}`);
  if (sum > size * mostRowsPerByte) throw new DataError(`${path}: is damaged: ${sum} rows cannot be in a file of ${size} bytes`);
}

/** A row group is unpacked as one. */
function piecesOf(groups: readonly number[]): Piece[] {
  let start = 0;
  return groups.map((rows) => {
    const from = start;
    start += rows;
    return { from, to: start, first: from + 1 };
  });
}
