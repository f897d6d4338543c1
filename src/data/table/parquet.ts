import { asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataError, errorMessage } from '../../shared/errors.js';
import { checkColumns } from './lines.js';
import type { OnRow, Piece, TableFile } from './tableFile.js';

/** Opens a Parquet file, of any of its compressions. Source: https://parquet.apache.org/docs/file-format */
export async function openParquet(path: string): Promise<TableFile> {
  const damaged = (error: unknown): DataError =>
    new DataError(`${path}: cannot be read as Parquet, it is damaged or cut short: ${errorMessage(error)}`);
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    checkColumns(path, columns);
    const read = async ({ from, to, first }: Piece, onRow: OnRow, most = to - from): Promise<void> => {
      const rows: unknown[][] = [];
      try {
        await parquetRead({
          file,
          metadata,
          compressors,
          rowStart: from,
          rowEnd: Math.min(to, from + most),
          onComplete: (found) => rows.push(...(found as unknown[][])),
        });
      } catch (error) {
        throw damaged(error);
      }
      for (const [i, row] of rows.entries()) onRow(row, `row ${first + i}`);
    };
    return { path, format: 'Parquet', columns, pieces: piecesOf(metadata.row_groups.map(({ num_rows: rows }) => Number(rows))), read };
  } catch (error) {
    throw error instanceof DataError ? error : damaged(error);
  }
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
