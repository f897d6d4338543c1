import type { TableData } from '../../shared/config/dataSchema.js';
import { show, suggestion } from '../../shared/config/fields.js';
import { DataError } from '../../shared/errors.js';
import { isMissing, isNumber } from './numbers.js';
import type { Row, TableFile } from './tableFile.js';

/** How the values of a column become numbers. */
export type ColumnKind =
  | { readonly kind: 'number' }
  /** One value a category, 1 or 0; in the order of the names. Which there are is not known before all rows have been read. */
  | { readonly kind: 'category'; readonly categories?: readonly string[] | undefined }
  /** A list of numbers, always of this shape. */
  | { readonly kind: 'list'; readonly shape: readonly number[] };

export type Column = ColumnKind & { readonly name: string };

/** How the rows of a table become samples. */
export interface TableSchema {
  readonly inputs: readonly Column[];
  readonly target: readonly Column[];
}

/** Rows by which kinds are told. */
const lookedAt = 1_000;

/**
 * Works out how a table becomes samples: columns of numbers as they are, columns of text as categories. The kind of a column
 * is told from the first 1,000 rows, unless `columns` says it.
 * @throws DataError naming a column that is not there
 */
export async function schemaOf(
  table: TableFile,
  data: Pick<TableData, 'inputs' | 'target' | 'columns' | 'sampleWeights' | 'groups'>,
): Promise<TableSchema> {
  const targets = typeof data.target === 'string' ? [data.target] : data.target;
  const besides = [data.sampleWeights ?? [], data.groups ?? []].flat();
  const others = table.columns.filter((name) => !targets.includes(name) && !besides.includes(name));
  const inputs = data.inputs ?? others;
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
  const places = new Map(table.columns.map((name, place) => [name, place]));
  const kinds = new Map(Object.entries(data.columns ?? {}));
  const columnOf = (name: string): Column => ({ name, ...kindOf(rows, places.get(name) ?? -1, kinds.get(name)) });
  return { inputs: inputs.map(columnOf), target: targets.map(columnOf) };
}

/** All columns of a table as inputs. */
export async function schemaOfInputs(table: TableFile): Promise<readonly Column[]> {
  const rows = await firstRows(table);
  return table.columns.map((name, place) => ({ name, ...kindOf(rows, place, undefined) }));
}

async function firstRows(table: TableFile): Promise<Row[]> {
  const rows: Row[] = [];
  for (const piece of table.pieces) {
    await table.read(piece, (row) => rows.push(row), lookedAt - rows.length);
    if (rows.length >= lookedAt) break;
  }
  if (rows.length === 0) throw new DataError(`${table.path}: has no rows: expected a line a sample behind the names of the columns`);
  return rows;
}

function kindOf(rows: readonly Row[], place: number, said: 'number' | 'category' | undefined): ColumnKind {
  if (said === 'category') return { kind: 'category' };
  const known = rows.map((row) => row[place]).filter((value) => !isMissing(value));
  const [first] = known;
  if (said === undefined && isList(first)) return { kind: 'list', shape: shapeOf(first) };
  return said === 'number' || known.every(isNumber) ? { kind: 'number' } : { kind: 'category' };
}

/** An array, or one of numbers in memory. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

export function shapeOf(value: unknown): number[] {
  return isList(value) ? [value.length, ...shapeOf(value[0])] : [];
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
