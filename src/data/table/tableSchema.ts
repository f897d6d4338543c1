import type { TableData } from '../../shared/config/dataSchema.js';
import { show, suggestion } from '../../shared/config/fields.js';
import { DataError } from '../../shared/text/errors.js';
import type { Writing } from './cellNumbers.js';
import { headerProblem } from './headerLine.js';
import { type ColumnKind, kindOf } from './kinds.js';
import type { PlacedRow, TableFile, TableReading } from './tableFile.js';

export type Column = ColumnKind & Writing & { readonly name: string };

/** How the rows of a table become samples. */
export interface TableSchema {
  readonly inputs: readonly Column[];
  readonly target: readonly Column[];
  /** How the file was read that it comes from, where somebody had to say so. */
  readonly reading?: TableReading | undefined;
}

/** A schema, and what a person should know of it. */
export interface ToldSchema {
  readonly schema: TableSchema;
  readonly notes: readonly string[];
}

/** What a config says of a table's columns. */
export type ColumnsSaid = Pick<
  TableData,
  'inputs' | 'target' | 'columns' | 'sampleWeights' | 'groups' | 'missingValues' | 'decimal' | 'header' | 'names'
>;

/** Rows by which kinds are told. */
export const lookedAt = 1_000;

/**
 * Works out how a table becomes samples: columns of numbers as they are, columns of text as categories. The kind of a column
 * is told from the first 1,000 rows, unless `columns` says it. A column that only counts rows, as pandas writes it, is no
 * input unless it is named.
 * @throws DataError naming a column that is not there, or a value that does not go with its column's others
 */
export async function schemaOf(table: TableFile, data: ColumnsSaid): Promise<ToldSchema> {
  const targets = typeof data.target === 'string' ? [data.target] : data.target;
  const besides = [data.sampleWeights ?? [], data.groups ?? []].flat();
  const others = table.columns.filter((name) => !targets.includes(name) && !besides.includes(name));
  const counting = data.inputs ? [] : others.filter((name) => isIndex(table, name) && !Object.hasOwn(data.columns ?? {}, name));
  const inputs = data.inputs ?? others.filter((name) => !counting.includes(name));
  for (const [key, names] of [
    ['target', targets],
    ['inputs', inputs],
    ['columns', Object.keys(data.columns ?? {})],
    ['sampleWeights', [data.sampleWeights ?? []].flat()],
    ['groups', [data.groups ?? []].flat()],
  ] as const) {
    const unknown = names.find((name) => !table.columns.includes(name));
    if (unknown !== undefined) {
      throw new DataError(
        `${table.path}: data.${key}: expected names of its columns (${shortList(table.columns)}), got ${show(unknown)}${suggestion(unknown, table.columns)}`,
      );
    }
  }
  const both = inputs.find((name) => targets.includes(name));
  if (both !== undefined) throw new DataError(`${table.path}: data.inputs: expected columns other than the target, got ${show(both)}`);
  if (inputs.length === 0)
    throw new DataError(`${table.path}: expected columns other than the target (${targets.join(', ')}), and there are none`);
  const twice = inputs.find((name, i) => inputs.indexOf(name) < i);
  if (twice !== undefined) throw new DataError(`${table.path}: data.inputs: expected each column once, got ${show(twice)} twice`);
  if (data.inputs === undefined && inputs.includes('')) {
    throw new DataError(
      `${table.path}: a column has no name, as one that counts rows (pandas: index=False leaves it out): name those to train on with data.inputs`,
    );
  }
  const rows = await firstRows(table);
  const problem = headerProblem(table, rows);
  if (problem !== undefined) throw new DataError(problem);
  const kinds = new Map(Object.entries(data.columns ?? {}));
  const columnOf = (name: string): Column => columnIn(table, rows, name, kinds.get(name), data);
  const { header, names } = data;
  const schema: TableSchema = {
    ...{ inputs: inputs.map(columnOf), target: targets.map(columnOf) },
    ...((header !== undefined || names !== undefined) && { reading: { header, names } }),
  };
  const notes = counting.map((name) => `${table.path}: column ${name} only counts rows and is left out; data.inputs takes it in`);
  return { schema, notes };
}

/** Does a column hold the index of a pandas frame, as its files say or its CSV files call it? */
function isIndex({ index = [] }: TableFile, name: string): boolean {
  return index.includes(name) || /^Unnamed: 0(\.\d+)*$/.test(name);
}

/** An explicit category may be called NA or None: only what is empty is missing. */
function columnIn(
  table: TableFile,
  rows: readonly PlacedRow[],
  name: string,
  said: 'number' | 'category' | undefined,
  { missingValues, decimal }: Pick<ColumnsSaid, 'missingValues' | 'decimal'>,
): Column {
  const missing = missingValues ?? (said === 'category' ? [''] : undefined);
  const writing: Writing = { ...(missing && { missing }), ...(decimal && { decimal }) };
  if (said !== undefined) return { name, kind: said, ...writing };
  const place = table.columns.indexOf(name);
  const found = rows.map(({ row, place: where }) => ({ value: row[place], place: where }));
  return { name, ...kindOf(found, writing, { path: table.path, name }), ...writing };
}

/** All columns of a table as inputs. */
export async function schemaOfInputs(table: TableFile): Promise<readonly Column[]> {
  const rows = await firstRows(table);
  return table.columns.map((name) => columnIn(table, rows, name, undefined, {}));
}

async function firstRows(table: TableFile): Promise<PlacedRow[]> {
  const rows: PlacedRow[] = [];
  for (const piece of table.pieces) {
    await table.read(piece, (row, place) => rows.push({ row, place }), lookedAt - rows.length);
    if (rows.length >= lookedAt) break;
  }
  if (rows.length === 0) throw new DataError(`${table.path}: has no rows: expected a line a sample behind the names of the columns`);
  return rows;
}

/** Numbers that a column gives for a sample. */
export function widthOf(column: Column): number {
  switch (column.kind) {
    case 'number':
      return 1;
    case 'category':
      return column.categories?.length ?? 1;
    case 'list':
      return column.shape.reduce((size, extent) => size * extent, 1);
  }
}

/** Numbers that some columns give for a sample, and their shape: a lone list keeps its own. */
export function shapeOfColumns(columns: readonly Column[]): readonly number[] {
  const [only] = columns;
  if (columns.length === 1 && only?.kind === 'list') return only.shape;
  return [columns.reduce((sum, column) => sum + widthOf(column), 0)];
}

/** The first names of a list that may be long. */
export function shortList(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, ... ${names.length} in all` : names.join(', ');
}
