import { statSync } from 'node:fs';
import { firstBytes, isGzip, unreadable } from '../shared/files/readFile.js';
import { DataError } from '../shared/text/errors.js';
import { type ArrayFile, openArray } from './arrays/arrayFile.js';
import { isIdx } from './arrays/idx.js';
import { isNpy } from './arrays/npy.js';
import { plainArray } from './arrays/plainArray.js';
import type { CachePlace } from './cache/place.js';
import { readImage } from './images/decode.js';
import { listImages } from './images/folder.js';
import { isAddress, withoutSecrets } from './remote/dataAddress.js';
import { localCopy } from './remote/localCopies.js';
import { isMissing, isNumber, numberOf } from './table/cellNumbers.js';
import { headerProblem } from './table/headerLine.js';
import { isList, shapeOf } from './table/kinds.js';
import { openTable } from './table/openTable.js';
import { sorted } from './table/sorted.js';
import type { PlacedRow } from './table/tableFile.js';
import { lookedAt } from './table/tableSchema.js';

/** What a column holds, or all values of an array. */
export interface ColumnReport {
  readonly name: string;
  /** number, category, or list with its shape; mixed where some values are numbers and others text. */
  readonly type: string;
  /** Of numbers, all that are there. */
  readonly least?: number;
  readonly most?: number;
  readonly mean?: number;
  readonly missing: number;
  /** How missing values are written, where they are not just empty. */
  readonly missingTexts?: readonly string[];
  /** How often each value comes, where there are few of them. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** What a data set holds. */
export interface DataReport {
  readonly path: string;
  readonly format: string;
  readonly rows: number;
  readonly columns: readonly ColumnReport[];
}

/** Different values of a column that are counted one by one. */
const mostCounted = 50;

/**
 * Reads a data set once and tells what is in it: rows, and of each column its type, range, missing values and, where it has
 * few values, how often each comes.
 * @param path an array (IDX, .npy, FILE.npz#NAME), a table (CSV, JSON lines, Parquet), the address of one, or a folder of images
 * @throws DataError naming what cannot be read
 */
export async function inspectData(path: string, place: CachePlace): Promise<DataReport> {
  const report = await inspectFile(await localCopy(path, place), place);
  return isAddress(path) ? { ...report, path: withoutSecrets(path) } : report;
}

async function inspectFile(path: string, place: CachePlace): Promise<DataReport> {
  if (/\.npz(#.*)?$/is.test(path)) return arrayReport(path, openArray(await plainArray(path, place), 0), 'NumPy');
  if (isFolder(path)) return imagesReport(path);
  const head = firstBytes(path, 16);
  const format = isNpy(head) ? 'NumPy' : isIdx(head) ? 'IDX' : isGzip(head) ? 'gzip' : undefined;
  if (format === undefined) return tableReport(path, place);
  return arrayReport(path, openArray(await plainArray(path, place), 0), format);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function tableReport(path: string, { say }: CachePlace): Promise<DataReport> {
  const table = await openTable(path);
  const columns = table.columns.map((name) => new ColumnTally(name));
  const first: PlacedRow[] = [];
  let rows = 0;
  for (const piece of table.pieces) {
    await table.read(piece, (row, where) => {
      rows++;
      if (first.length < lookedAt) first.push({ row, place: where });
      for (const [i, column] of columns.entries()) column.add(row[i]);
    });
  }
  const problem = headerProblem(table, first);
  if (problem !== undefined) say?.(problem);
  return { path, format: table.format, rows, columns: columns.map((column) => column.report()) };
}

function arrayReport(path: string, array: ArrayFile, format: string): DataReport {
  const [rows = 0, ...shape] = array.shape;
  const tally = new ColumnTally('values');
  const into = new Float32Array(array.rowWidth);
  for (let row = 0; row < rows; row++) {
    array.rows(row, into, 0);
    for (const value of into) tally.add(value);
  }
  return {
    path,
    format,
    rows,
    columns: [{ ...tally.report(), type: `${array.dtype}${shape.length > 0 ? ` [${shape.join(', ')}]` : ''}` }],
  };
}

async function imagesReport(path: string): Promise<DataReport> {
  const { classes, files } = listImages(path);
  const [first] = files;
  if (!first) throw new DataError(`${path}: has no images`);
  const { shape } = await readImage(first.path);
  const numbers = new Map<string, number>();
  for (const file of files) {
    const name = classes[file.class] ?? '';
    numbers.set(name, (numbers.get(name) ?? 0) + 1);
  }
  const counts = Object.fromEntries(numbers);
  const columns = [
    { name: 'image', type: `uint8 [${shape.join(', ')}]`, missing: 0 },
    { name: 'class', type: 'category', missing: 0, counts },
  ];
  return { path, format: 'images', rows: files.length, columns };
}

/** What has been seen of a column. */
class ColumnTally {
  #count = 0;
  #numbers = 0;
  #missing = 0;
  readonly #missingTexts = new Set<string>();
  #sum = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #shape: string | undefined;
  /** Undefined once there are too many. */
  #counts: Map<string, number> | undefined = new Map();

  constructor(readonly name: string) {}

  add(value: unknown): void {
    this.#count++;
    if (isMissing(value)) {
      this.#missing++;
      if (typeof value === 'string' && value.trim() !== '') this.#missingTexts.add(value.trim());
      return;
    }
    if (isList(value)) {
      this.#shape ??= `list [${shapeOf(value).join(', ')}]`;
      this.#counts = undefined;
      return;
    }
    if (isNumber(value)) this.#number(numberOf(value));
    const text = String(value);
    this.#counts?.set(text, (this.#counts.get(text) ?? 0) + 1);
    if ((this.#counts?.size ?? 0) > mostCounted) this.#counts = undefined;
  }

  report(): ColumnReport {
    const { name } = this;
    const known = this.#count - this.#missing;
    const hasNumbers = this.#numbers > 0;
    const type = this.#shape ?? (this.#numbers === known ? 'number' : hasNumbers ? 'mixed' : 'category');
    const counts = this.#counts && Object.fromEntries(sorted(this.#counts.keys()).map((value) => [value, this.#counts?.get(value) ?? 0]));
    return {
      ...{ name, type, missing: this.#missing },
      ...(this.#missingTexts.size > 0 && { missingTexts: [...this.#missingTexts] }),
      ...(hasNumbers && { least: this.#least, most: this.#most, mean: this.#sum / this.#numbers }),
      ...(counts && { counts }),
    };
  }

  #number(number: number): void {
    this.#numbers++;
    this.#sum += number;
    this.#least = Math.min(this.#least, number);
    this.#most = Math.max(this.#most, number);
  }
}
