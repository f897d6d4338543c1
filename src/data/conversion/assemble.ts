import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from '../../shared/numbers/bytesOf.js';
import { DataError } from '../../shared/text/errors.js';
import { npyHeader } from '../arrays/npyWrite.js';
import { expandCategories, isKeptExact, numbersOf } from '../table/expand.js';
import { isCount, isLossy, joinFigures } from '../table/figures.js';
import { sorted } from '../table/sorted.js';
import { blankLinesNote } from '../table/tableFile.js';
import { type Column, shapeOfColumns, shortList, type TableSchema } from '../table/tableSchema.js';
import type { PartFiles, PartInfo, TablePart } from './part.js';
import { readInfo } from './part.js';

/** Categories that a column may have: each is a value of every row. */
const mostCategories = 2_000;

/** A table's schema with all that its rows have told: categories, and which numbers need more than float32. @throws DataError where a column has too many categories */
export function knownSchema(path: string, schema: TableSchema, infos: readonly PartInfo[]): TableSchema {
  const known = (column: Column): Column => {
    if (column.kind === 'number') return isExact(column, infos) ? { ...column, isExact: true } : column;
    if (column.kind !== 'category' || column.categories) return column;
    const categories = sorted(new Set(infos.flatMap((info) => info.categories[column.name] ?? [])));
    if (categories.length > mostCategories) {
      throw new DataError(
        `${path}: column ${column.name} has ${categories.length} different texts, each of which would be an input: leave it out (data.inputs), or say that it is numbers (data.columns)`,
      );
    }
    return { ...column, categories };
  };
  return { ...schema, inputs: schema.inputs.map(known), target: schema.target.map(known) };
}

function isExact({ name }: Column, infos: readonly PartInfo[]): boolean {
  return isLossy(joinFigures(infos.flatMap(({ figures }) => figures[name] ?? [])));
}

/** What a person should know of the rows of a table. */
export function notesOn(path: string, { inputs }: TableSchema, infos: readonly PartInfo[]): string[] {
  const total = (count: (info: PartInfo) => number): number => infos.reduce((sum, info) => sum + count(info), 0);
  const [dropped, blank] = [total((info) => info.dropped), total((info) => info.blankLines)];
  return [
    ...(dropped > 0 ? [`${path}: ${dropped} rows lack values and were dropped`] : []),
    ...(blank > 0 ? [blankLinesNote(path, blank)] : []),
    ...inputs.flatMap((column) => {
      const where = `${path}: column ${column.name}`;
      if (column.kind === 'category') return missingCategories(where, column.name, infos);
      const counts = column.kind === 'number' && isCount(joinFigures(infos.flatMap(({ figures }) => figures[column.name] ?? [])));
      return counts ? [`${where} counts the rows, and is an input: data.inputs leaves it out`] : [];
    }),
  ];
}

function missingCategories(where: string, name: string, infos: readonly PartInfo[]): string[] {
  const counts = new Map<string, number>();
  for (const { missingTexts } of infos)
    for (const [text, count] of Object.entries(missingTexts[name] ?? {})) counts.set(text, (counts.get(text) ?? 0) + count);
  const written = [...counts.keys()].filter((text) => text.trim() !== '');
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return [];
  const advice = written.length === 0 ? '' : `; where ${shortList(written)} is no missing value, say data.missingValues: [""]`;
  return [`${where}: ${total} missing values are none of its categories (all zeros)${advice}`];
}

/** Writes the parts of a table one behind the other as inputs.npy, float32 (float64 where a column needs it), and targets.npy; and weights and groups, where it has some. */
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
  const floats = (columns: readonly Column[]): string => (columns.some(isKeptExact) ? '<f8' : '<f4');
  await writeArray(join(folder, 'inputs.npy'), floats(schema.inputs), [rows, ...shapeOfColumns(schema.inputs)], parts, (part, i) => {
    const { categories } = infos[i] ?? { categories: {} };
    return expandCategories(floatsOf(part.inputs), schema.inputs, categories);
  });
  const shape = isClass ? [rows] : [rows, ...shapeOfColumns(schema.target)];
  await writeArray(join(folder, 'targets.npy'), isClass ? '<i4' : floats(schema.target), shape, parts, (part, i) => {
    const { categories } = infos[i] ?? { categories: {} };
    const values = floatsOf(part.targets);
    if (!isClass) return expandCategories(values, schema.target, categories);
    const numbers = target?.kind === 'category' ? numbersOf(target, categories) : undefined;
    return Int32Array.from(values, (value) => (numbers ? (numbers[value] ?? -1) : value));
  });
  if (besides.sampleWeights)
    await writeArray(join(folder, 'sampleWeights.npy'), '<f4', [rows], parts, (part) => Float32Array.from(floatsOf(part.sampleWeights)));
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

function floatsOf(path: string): Float64Array {
  return new Float64Array(new Uint8Array(readFileSync(path)).buffer);
}
