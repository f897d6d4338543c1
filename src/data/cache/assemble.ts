import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { npyHeader } from '../npyWrite.js';
import { slotsOf } from '../table/encode.js';
import { type Column, shapeOfColumns, type TableSchema, widthOf } from '../table/schema.js';
import { sorted } from '../table/sorted.js';
import type { PartFiles, PartInfo } from './part.js';
import { readInfo } from './part.js';

/** What the targets of a data set are called, where they are classes. */
export interface Classes {
  /** Names of the classes, in the order of their numbers; undefined where targets are numbers. */
  readonly classes: readonly string[] | undefined;
}

/** A table's schema with all that its rows have told. */
export function knownSchema(schema: TableSchema, infos: readonly PartInfo[]): TableSchema {
  const known = (column: Column): Column => {
    if (column.kind !== 'category' || column.categories) return column;
    return { ...column, categories: sorted(new Set(infos.flatMap(({ categories }) => categories[column.name] ?? []))) };
  };
  return { inputs: schema.inputs.map(known), target: schema.target.map(known) };
}

/** Writes the parts of a table one behind the other as inputs.npy, float32, and targets.npy. */
export async function assembleTable(folder: string, parts: readonly PartFiles[], schema: TableSchema): Promise<void> {
  const infos = parts.map(readInfo);
  const rows = infos.reduce((sum, info) => sum + info.rows, 0);
  const hasWholeTargets = infos.every((info) => info.hasWholeTargets);
  const [target] = schema.target;
  const isClass = schema.target.length === 1 && (target?.kind === 'category' || (target?.kind === 'number' && hasWholeTargets));
  await writeArray(join(folder, 'inputs.npy'), '<f4', [rows, ...shapeOfColumns(schema.inputs)], parts, (part, i) => {
    const { categories } = infos[i] ?? { categories: {} };
    return expanded(floatsOf(part.inputs), schema.inputs, categories);
  });
  const shape = isClass ? [rows] : [rows, ...shapeOfColumns(schema.target)];
  await writeArray(join(folder, 'targets.npy'), isClass ? '<i4' : '<f4', shape, parts, (part, i) => {
    const { categories } = infos[i] ?? { categories: {} };
    const values = floatsOf(part.targets);
    if (!isClass) return expanded(values, schema.target, categories);
    const numbers = target?.kind === 'category' ? places(target, categories) : undefined;
    return Int32Array.from(values, (value) => (numbers ? (numbers[value] ?? -1) : value));
  });
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
    await write(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
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

/** Rows in which each category of a column has become a value of its own, 1 or 0; NaN where it was missing. */
function expanded(values: Float32Array, columns: readonly Column[], found: PartInfo['categories']): Float32Array {
  if (columns.every(({ kind }) => kind !== 'category')) return values;
  const from = columns.reduce((sum, column) => sum + slotsOf(column), 0);
  const to = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const result = new Float32Array((values.length / from) * to);
  const moves = columns.map((column) => ({
    slots: slotsOf(column),
    width: widthOf(column),
    numbers: column.kind === 'category' ? places(column, found) : undefined,
  }));
  for (let read = 0, written = 0; read < values.length; ) {
    for (const { slots, width, numbers } of moves) {
      const value = values[read] ?? Number.NaN;
      if (!numbers) result.set(values.subarray(read, read + slots), written);
      else if (Number.isNaN(value)) result.fill(Number.NaN, written, written + width);
      else result[written + (numbers[value] ?? 0)] = 1;
      read += slots;
      written += width;
    }
  }
  return result;
}

/** Numbers of categories in the whole table, by those that they have in a part. */
function places(column: Column, found: PartInfo['categories']): number[] {
  const all = column.kind === 'category' ? (column.categories ?? []) : [];
  const numbers = new Map(all.map((name, i) => [name, i]));
  return (found[column.name] ?? []).map((name) => numbers.get(name) ?? 0);
}
