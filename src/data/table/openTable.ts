import { fileSize, firstBytes, isGzip } from '../../shared/files/readFile.js';
import { gotWebPage, isWebPage } from '../../shared/files/webPage.js';
import { DataError } from '../../shared/text/errors.js';
import type { TableFile, TableReading } from './tableFile.js';

/**
 * Opens a table: CSV (also with semicolons or tabs), JSON lines or Parquet: which of them is told from its bytes, not its name.
 * What reads a format is loaded when there is such a file: every worker opens data, and few open tables.
 * @param reading how one is read whose first line does not tell; of CSV alone
 * @throws DataError naming the file: it cannot be read, is empty, damaged, or of another format
 */
export async function openTable(path: string, reading: TableReading = {}): Promise<TableFile> {
  const size = fileSize(path);
  const head = firstBytes(path, 4096);
  if (head.length === 0) throw new DataError(`${path}: is empty: expected a table, as CSV, JSON lines or Parquet`);
  if (head.toString('latin1', 0, 4) === 'PAR1') return (await import('./parquet.js')).openParquet(path);
  if (isGzip(head)) throw new DataError(`${path}: expected a table, got a gzip archive: unpack it first (gunzip)`);
  if (head.includes(0))
    throw new DataError(`${path}: expected a table, as CSV, JSON lines or Parquet, got a file of bytes that are no text`);
  if (isWebPage(head)) throw new DataError(`${path}: expected a table, as CSV, JSON lines or Parquet, ${gotWebPage}`);
  if (/^\uFEFF?\s*[{[]/.test(head.toString('utf8'))) return (await import('./jsonLines.js')).openJsonLines(path, size);
  return (await import('./csv.js')).openCsv(path, size, reading);
}
