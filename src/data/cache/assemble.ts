import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from '../../shared/bytesOf.js';
import { DataError } from '../../shared/errors.js';
import { npyHeader } from '../npyWrite.js';
import { expandCategories, numbersOf } from '../table/expand.js';
import { type Column, shapeOfColumns, type TableSchema } from '../table/schema.js';
import { sorted } from '../table/sorted.js';
import type { PartFiles, PartInfo, TablePart } from './part.js';
import { readInfo } from './part.js';

/** Categories that a column may have: each is a value of every row. */
const mostCategories = 2_000;

/** A table's schema with all that its rows have told. @throws DataError where a column has too many categories */
export function knownSchema(path: string, schema: TableSchema, infos: readonly PartInfo[]): TableSchema {
  const known = (column: Column): Column => {
    if (column.kind !== 'category' || column.categories) return column;
    const categories = sorted(new Set(infos.flatMap((info) => info.categories[column.name] ?? [])));
    if (categories.length > mostCategories) {
      throw new DataError(
        `${path}: column ${column.name} has ${categories.length} different texts, each of which would be an input: leave it out (data.inputs), or say that it is numbers (data.columns)`,
      );
    }
    return { ...column, categories };
  };
  return { inputs: schema.inputs.map(known), target: schema.target.map(known) };
}

/** Writes the parts of a table one behind the other as inputs.npy, float32, and targets.npy; and weights and groups, where it has some. */
export async function assembleTable(
  folder: string,
  parts: readonly PartFiles[],
  schema: TableSchema,
  besides: Pick<TablePart, 'sampleWeights' | 'groups'>,
): Promise<void> {
  const infos = parts.map(readInfo);
  const rows = infos.reduce((sum, info) => sum + info.rows, 0);
  const hasWholeTargets = infos.every((info) => info.hasWholeTargets);
  const [target] = schema.target;
  const isClass = schema.target.length === 1 && (target?.kind === 'category' || (target?.kind === 'number' && hasWholeTargets));
  await writeArray(join(folder, 'inputs.npy'), '<f4', [rows, ...shapeOfColumns(schema.inputs)], parts, (part, i) => {
    const { categories } = infos[i] ?? { categories: {} };
    return expandCategories(floatsOf(part.inputs), schema.inputs, categories);
  });
  const shape = isClass ? [rows] : [rows, ...shapeOfColumns(schema.target)];
  await writeArray(join(folder, 'targets.npy'), isClass ? '<i4' : '<f4', shape, parts, (part, i) => {
    const { categories } = infos[i] ?? { categories: {} };
    const values = floatsOf(part.targets);
    if (!isClass) return expandCategories(values, schema.target, categories);
    const numbers = target?.kind === 'category' ? numbersOf(target, categories) : undefined;
    return Int32Array.from(values, (value) => (numbers ? (numbers[value] ?? -1) : value));
  });
  if (besides.sampleWeights)
    await writeArray(join(folder, 'sampleWeights.npy'), '<f4', [rows], parts, (part) => floatsOf(part.sampleWeights));
  if (besides.groups) {
    const numberOf = new Map([...new Set(infos.flatMap((info) => info.groups ?? []))].map((name, number) => [name, number]));
    await writeArray(join(folder, 'groups.npy'), '<i4', [rows], parts, (part, i) => {
      const numbers = (infos[i]?.groups ?? []).map((name) => numberOf.get(name) ?? -1);
      return Int32Array.from(floatsOf(part.groups), (value) => numbers[value] ?? -1);
    });
  }
}

/** Writes the parts of a folder of images as inputs.npy, bytes, and targets.npy. */
export async function assembleImages(folder: string, parts: readonly PartFiles[], shape: readonly number[]): Promise<void> {
  const rows = parts.map(readInfo).reduce((sum, info) => sum + info.rows, 0);
  await writeArray(join(folder, 'inputs.npy'), '|u1', [rows, ...shape], parts, (part) => readFileSync(part.inputs));
  await writeArray(join(folder, 'targets.npy'), '<i4', [rows], parts, (part) => Int32Array.from(floatsOf(part.targets)));
}

async function writeArray(
  path: string,
  descr: string,
  shape: readonly number[],
  parts: readonly PartFiles[],
  valuesOf: (part: PartFiles, index: number) => NodeJS.TypedArray,
): Promise<void> {
  const file = createWriteStream(path, { flush: true });
  await write(file, npyHeader(descr, shape));
  for (const [i, part] of parts.entries()) {
    const values = valuesOf(part, i);
    await write(file, bytesOf(values));
  }
  file.end();
  await once(file, 'close');
}

async function write(file: WriteStream, bytes: Uint8Array): Promise<void> {
  if (!file.write(bytes)) await once(file, 'drain');
}

function floatsOf(path: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(path)).buffer);
}
