import { readPicture } from '../../data/images/decode.js';
import { RowEncoder } from '../../data/table/encode.js';
import { expandCategories } from '../../data/table/expand.js';
import { isList } from '../../data/table/schema.js';
import { show } from '../../shared/config/fields.js';
import { isMapping } from '../../shared/config/merge.js';
import { DataError } from '../../shared/errors.js';
import { sizeOf } from '../../shared/model/network.js';
import { checkPicture } from '../inputShape.js';
import type { Model } from '../model.js';
import { preparedRows } from '../samples.js';

/** Samples that one request may ask about. */
const mostSamples = 10_000;

/**
 * The samples of a JSON body, [n, inputs], prepared: `{"inputs": [sample, ...]}` with lists of numbers as deep as the model's
 * input shape, or flat; or, for a model that was trained on a table, `{"rows": [{"column": value, ...}, ...]}`.
 * @throws DataError naming what is not as expected
 */
export function samplesOfJson(model: Model, body: unknown): Float32Array {
  if (!isMapping(body)) throw new DataError(`expected a mapping with inputs${model.schema ? ' or rows' : ''}, got ${show(body)}`);
  const [key, list] = 'rows' in body ? (['rows', body['rows']] as const) : (['inputs', body['inputs']] as const);
  if (!Array.isArray(list) || list.length === 0) throw new DataError(`${key}: expected a list of samples, got ${show(list)}`);
  if (list.length > mostSamples) throw new DataError(`${key}: expected at most ${mostSamples} samples, got ${list.length}`);
  const width = model.network.inputs;
  return preparedRows(key === 'rows' ? rows(model, list) : inputs(model, list), width, model.preparation);
}

/** The pixels of a PNG or JPEG image as one sample. */
export async function sampleOfImage(model: Model, body: Buffer): Promise<Float32Array> {
  const { shape, bytes } = await readPicture(body, 'the image');
  checkPicture(model.spec, shape, 'the image');
  return preparedRows(Float32Array.from(bytes), bytes.length, model.preparation);
}

function inputs({ spec }: Model, samples: readonly unknown[]): Float32Array {
  const width = sizeOf(spec.inputShape);
  const values = new Float32Array(samples.length * width);
  for (const [i, sample] of samples.entries()) {
    const what = `inputs[${i}]`;
    const flat = flatten(sample, what);
    if (flat.length !== width)
      throw new DataError(`${what}: expected ${width} numbers, of shape [${spec.inputShape.join(', ')}], got ${flat.length}`);
    values.set(flat, i * width);
  }
  return values;
}

function flatten(value: unknown, what: string): number[] {
  if (typeof value === 'number' && Number.isFinite(Math.fround(value))) return [value];
  if (!isList(value)) throw new DataError(`${what}: expected numbers, got ${show(value)}`);
  return Array.from(value).flatMap((one) => flatten(one, what));
}

function rows(model: Model, given: readonly unknown[]): Float32Array {
  const { schema } = model;
  if (!schema) throw new DataError('rows: expected inputs, as lists of numbers: the model was not trained on a table');
  const columns = schema.inputs.map(({ name }) => name);
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
    encoder.add(
      columns.map((name) => row[name]),
      String(i),
    );
  }
  return expandCategories(encoder.values, schema.inputs, encoder.categories);
}
