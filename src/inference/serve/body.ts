import { readPicture } from '../../data/images/decode.js';
import { RowEncoder } from '../../data/table/encode.js';
import { expandCategories } from '../../data/table/expand.js';
import { isList } from '../../data/table/kinds.js';
import { shortList } from '../../data/table/tableSchema.js';
import { show, suggestion } from '../../shared/config/fields.js';
import { isMapping } from '../../shared/config/merge.js';
import { sizeOf } from '../../shared/model/shape.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { depthOf } from '../../shared/text/nesting.js';
import { checkPicture } from '../inputShape.js';
import type { Model } from '../model.js';
import { preparedRows } from '../samples.js';
import { limited } from './limited.js';

/** Samples that one request may ask about, and values that they, or what the model gives for them, may have. */
const mostSamples = 10_000;
const mostValues = 2 ** 24;
/** Lists within lists: more than any input shape has, and few enough for whatever walks them. */
const deepest = 64;
/** Pictures decoded at once: each takes memory and a thread beside its request. */
const decodedAtOnce = 2;
const decoding = limited(decodedAtOnce);

/**
 * The samples of a JSON body, [n, inputs], prepared: `{"inputs": [sample, ...]}` with lists of numbers as deep as the model's
 * input shape, or flat; or, for a model that was trained on a table, `{"rows": [{"column": value, ...}, ...]}`.
 * @throws DataError naming what is not as expected
 */
export function samplesOfJson(model: Model, body: unknown): Float32Array {
  if (!isMapping(body)) throw new DataError(`expected a mapping with inputs${model.schema ? ' or rows' : ''}, got ${show(body)}`);
  const key = Object.hasOwn(body, 'rows') ? 'rows' : 'inputs';
  const list = body[key];
  if (!Array.isArray(list) || list.length === 0) throw new DataError(`${key}: expected a list of samples, got ${show(list)}`);
  const { inputs: width, outputs } = model.network;
  const most = Math.max(1, Math.min(mostSamples, Math.floor(mostValues / Math.max(width, outputs))));
  if (list.length > most) throw new DataError(`${key}: expected at most ${most} samples, got ${list.length}`);
  return preparedRows(key === 'rows' ? rows(model, list) : inputs(model, list), width, model.preparation);
}

/** The pixels of a PNG or JPEG image as one sample. */
export async function sampleOfImage(model: Model, body: Buffer): Promise<Float32Array> {
  const what = 'the image';
  const { bytes } = await decoding(() => readPicture(body, what, (shape) => checkPicture(model.spec, shape, what)));
  return preparedRows(Float32Array.from(bytes), bytes.length, model.preparation);
}

/** Reads a JSON body. @throws DataError where it is none, or has lists within lists without end */
export function parseBody(text: string): unknown {
  if (depthOf(text) > deepest)
    throw new DataError(`expected a JSON body with at most ${deepest} lists or mappings within each other, got more`);
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new DataError(`expected a JSON body: ${errorMessage(error)}`);
  }
}

function inputs({ spec }: Model, samples: readonly unknown[]): Float32Array {
  const width = sizeOf(spec.inputShape);
  // Before there is room for them: a body is never larger than what was sent.
  for (const [i, sample] of samples.entries()) {
    const count = countNumbers(sample, `inputs[${i}]`, width);
    if (count !== width) {
      const got = count > width ? 'more' : String(count);
      throw new DataError(`inputs[${i}]: expected ${width} numbers, of shape [${spec.inputShape.join(', ')}], got ${got}`);
    }
  }
  const values = new Float32Array(samples.length * width);
  samples.reduce<number>((at, sample) => fill(values, at, sample), 0);
  return values;
}

/** Numbers in lists within lists; counting ends where there are more than `most`. */
function countNumbers(value: unknown, what: string, most: number): number {
  if (typeof value === 'number' && Number.isFinite(Math.fround(value))) return 1;
  if (!isList(value)) throw new DataError(`${what}: expected numbers, got ${show(value)}`);
  let count = 0;
  for (let i = 0; i < value.length && count <= most; i++) count += countNumbers(value[i], what, most - count);
  return count;
}

/** Puts the numbers of lists within lists one behind the other. Returns the place behind the last. */
function fill(values: Float32Array, at: number, value: unknown): number {
  if (isList(value)) return Array.from(value).reduce<number>((next, one) => fill(values, next, one), at);
  values[at] = Number(value);
  return at + 1;
}

function rows(model: Model, given: readonly unknown[]): Float32Array | Float64Array {
  const { schema } = model;
  if (!schema) throw new DataError('rows: expected inputs, as lists of numbers: the model was not trained on a table');
  const columns = schema.inputs.map(({ name }) => name);
  const targets = schema.target.map(({ name }) => name);
  const isFilled = model.preparation !== undefined && 'fill' in model.preparation;
  const encoder = new RowEncoder(
    { path: 'rows', columns },
    schema.inputs,
    isFilled ? 'zero' : 'refuse',
    'input',
    'the training data',
    false,
  );
  for (const [i, row] of given.entries()) {
    if (!isMapping(row)) throw new DataError(`rows[${i}]: expected a mapping of columns to values, got ${show(row)}`);
    checkKeys(row, `rows[${i}]`, columns, targets);
    encoder.add(
      columns.map((name) => row[name]),
      String(i),
    );
  }
  return expandCategories(encoder.values, schema.inputs, encoder.categories);
}

/**
 * A missing value is null: a column that is not there, or is called otherwise, is a mistake.
 * @param others columns that a row may have, too
 */
function checkKeys(row: object, where: string, columns: readonly string[], others: readonly string[]): void {
  const unknown = Object.keys(row).find((key) => !columns.includes(key) && !others.includes(key));
  if (unknown !== undefined)
    throw new DataError(
      `${where}: expected the columns that the model was trained on (${shortList(columns)}), got ${show(unknown)}${suggestion(unknown, columns)}`,
    );
  const absent = columns.filter((name) => !Object.hasOwn(row, name));
  if (absent.length > 0)
    throw new DataError(
      `${where}: expected all columns that the model was trained on, and ${shortList(absent)} ${absent.length === 1 ? 'is' : 'are'} not there (null says that a value is missing)`,
    );
}
