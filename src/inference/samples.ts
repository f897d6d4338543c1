import { type ArraySource, openArray } from '../data/arrays/arrayFile.js';
import { isIdx } from '../data/arrays/idx.js';
import { isNpy } from '../data/arrays/npy.js';
import { plainArray } from '../data/arrays/plainArray.js';
import { rowReader } from '../data/arrays/rows.js';
import { cachesElsewhere } from '../data/cache/place.js';
import { readImage } from '../data/images/decode.js';
import { dataMemory } from '../data/readingMemory.js';
import { localCopy } from '../data/remote/localCopies.js';
import { RowEncoder } from '../data/table/encode.js';
import { expandCategories } from '../data/table/expand.js';
import { openTable } from '../data/table/openTable.js';
import { blankLinesNote, type TableFile } from '../data/table/tableFile.js';
import { type Column, schemaOfInputs } from '../data/table/tableSchema.js';
import type { Preparation } from '../shared/config/dataSchema.js';
import { fileSize, firstBytes, isGzip } from '../shared/files/readFile.js';
import { DataError } from '../shared/text/errors.js';
import { checkPicture, checkSampleShape } from './inputShape.js';
import type { Model } from './model.js';

/** Samples that a model is asked about together. */
export interface SampleBatch {
  readonly count: number;
  /** [count, inputs], prepared; good until the next batch. */
  readonly inputs: Float32Array;
}

/** Samples read at a time. */
const chunkSize = 512;

/**
 * The samples of a file, or of one at an address, batch by batch, prepared as in training: an array (IDX, .npy), a table with the columns that the
 * model was trained on (CSV, JSON lines, Parquet), or an image (PNG, JPEG). Which of them is told from its bytes.
 * @param say hears what a person should know of the file
 * @throws DataError if the file cannot be read or its samples do not fit the model
 */
export async function* samplesOf(
  model: Model,
  from: string,
  preparation: Preparation | undefined,
  say?: (line: string) => void,
): AsyncGenerator<SampleBatch, void> {
  const place = { folders: cachesElsewhere('runs') };
  const path = await localCopy(from, place);
  if (/\.npz(#.*)?$/is.test(path)) {
    yield* fromArray(model, await plainArray(path, place), preparation);
    return;
  }
  fileSize(path);
  const head = firstBytes(path, 16);
  if (isNpy(head) || isIdx(head) || isGzip(head)) yield* fromArray(model, await plainArray(path, place), preparation);
  else if (isPicture(head)) yield await fromPicture(model, path, preparation);
  else yield* fromTable(model, path, preparation, say);
}

function isPicture(head: Buffer): boolean {
  return head.toString('latin1', 1, 4) === 'PNG' || (head[0] === 0xff && head[1] === 0xd8);
}

function* fromArray(model: Model, source: ArraySource, preparation: Preparation | undefined): Generator<SampleBatch, void> {
  const file = openArray(source, dataMemory({ memoryLimit: undefined, workers: 1 }));
  const [count = 0, ...shape] = file.shape;
  // A lone sample, saved without the dimension that counts samples, shows in the message.
  checkSampleShape(model.spec, shape, `${file.path}, an array of [${file.shape.join(', ')}]`);
  const { values, load, finish } = file.buffer(Math.min(chunkSize, count), preparation);
  for (let first = 0; first < count; first += chunkSize) {
    const size = Math.min(chunkSize, count - first);
    for (let row = 0; row < size; row++) load(row, first + row);
    finish(size);
    yield { count: size, inputs: values.subarray(0, size * model.network.inputs) };
  }
}

async function fromPicture(model: Model, path: string, preparation: Preparation | undefined): Promise<SampleBatch> {
  const { bytes } = await readImage(path, (shape) => checkPicture(model.spec, shape, path));
  return { count: 1, inputs: preparedRows(Float32Array.from(bytes), bytes.length, preparation) };
}

async function* fromTable(
  model: Model,
  path: string,
  preparation: Preparation | undefined,
  say?: (line: string) => void,
): AsyncGenerator<SampleBatch, void> {
  const table = await openLike(path, model.schema);
  const columns = model.schema?.inputs ?? (await schemaOfInputs(table));
  checkColumns(path, table.columns, columns);
  const unknown = columns.find((column) => column.kind === 'category' && !column.categories);
  if (unknown) {
    throw new DataError(
      `${path}: column ${unknown.name} holds text: expected numbers alone, since the model does not say what texts it was trained on`,
    );
  }
  if (table.pieces.length === 0) throw new DataError(`${path}: has no rows`);
  const isFilled = preparation !== undefined && 'fill' in preparation;
  let blankLines = 0;
  for (const piece of table.pieces) {
    const encoder = new RowEncoder(table, columns, isFilled ? 'zero' : 'refuse', 'input', 'the training data', false);
    blankLines += await table.read(piece, (row, place) => encoder.add(row, place));
    if (encoder.rows === 0) continue;
    const values = expandCategories(encoder.values, columns, encoder.categories);
    const width = values.length / encoder.rows;
    checkSampleShape(model.spec, [width], path);
    for (let first = 0; first < encoder.rows; first += chunkSize) {
      const count = Math.min(chunkSize, encoder.rows - first);
      yield { count, inputs: preparedRows(values.subarray(first * width, (first + count) * width), width, preparation) };
    }
  }
  if (blankLines > 0) say?.(blankLinesNote(path, blankLines));
}

/** A file that says the names of the inputs, or has the columns of one that did not, with or without those that were predicted. */
async function openLike(path: string, schema: Model['schema']): Promise<TableFile> {
  const { reading, inputs = [] } = schema ?? {};
  if (!reading) return openTable(path);
  const names = inputs.map(({ name }) => name);
  const first = await openTable(path, { header: true }).catch(() => undefined);
  if (first && names.every((name) => first.columns.includes(name))) return first;
  const { columns } = await openTable(path, { header: false });
  return openTable(path, columns.length === names.length ? { header: false, names } : reading);
}

function checkColumns(path: string, names: readonly string[], columns: readonly Column[]): void {
  const missing = columns.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
  if (missing.length > 0)
    throw new DataError(
      `${path}: expected the columns that the model was trained on, and ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not there`,
    );
}

/** Rows of `width` values as training prepares them. */
export function preparedRows(values: Float32Array | Float64Array, width: number, preparation: Preparation | undefined): Float32Array {
  if (!preparation) return values instanceof Float32Array ? values : Float32Array.from(values);
  const result = new Float32Array(values.length);
  const read = rowReader(values, width, preparation);
  for (let row = 0; row * width < values.length; row++) read(row, result, row * width);
  return result;
}
