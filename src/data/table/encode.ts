import { show } from '../../shared/config/fields.js';
import { DataError } from '../../shared/text/errors.js';
import { isTruth, type MissingTest, missingTest, numberOf } from './cellNumbers.js';
import { isList } from './kinds.js';
import type { Row, TableFile } from './tableFile.js';
import { type Column, shortList, widthOf } from './tableSchema.js';

/** What columns are for. */
export type Role = 'input' | 'target' | 'weight' | 'group';

/** What becomes of rows that lack values. */
export type Missing = 'refuse' | 'mean' | 'zero' | 'drop';

/**
 * Turns values of some columns into numbers, one row behind the other. A category that is not known yet gets a number of its
 * own, in the order in which they come; a missing value is NaN. Numbers are as exact as they are written, to float64.
 */
export class RowEncoder {
  /** Values of one row. */
  readonly width: number;
  #values: Float64Array;
  #rows = 0;
  /** By column: the categories that have come, where they were not known before. */
  readonly #found = new Map<string, Map<string, number>>();
  readonly #places: readonly number[];
  readonly #isMissing: readonly MissingTest[];
  /** By column of categories: values that are missing, by how they are written. */
  readonly missingTexts = new Map<string, Map<string, number>>();

  /**
   * @param role of inputs alone values may be missing, where something is done with them
   * @param like what the categories are those of, for messages
   * @param advises say how a config could take what it refuses
   */
  constructor(
    readonly table: Pick<TableFile, 'path' | 'columns'>,
    readonly columns: readonly Column[],
    readonly missing: Missing,
    readonly role: Role,
    readonly like: string,
    readonly advises = true,
  ) {
    this.width = columns.reduce((sum, column) => sum + slotsOf(column), 0);
    this.#values = new Float64Array(1_024 * this.width);
    this.#isMissing = columns.map(missingTest);
    const places = new Map(table.columns.map((name, place) => [name, place]));
    this.#places = columns.map(({ name }) => places.get(name) ?? -1);
    for (const column of columns) {
      if (column.kind === 'category') this.#found.set(column.name, new Map(column.categories?.map((name, i) => [name, i])));
    }
  }

  /** Row-major. */
  get values(): Float64Array {
    return this.#values.subarray(0, this.#rows * this.width);
  }

  get rows(): number {
    return this.#rows;
  }

  /** The categories of each column of categories, in the order of their numbers. */
  get categories(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries([...this.#found].map(([name, found]) => [name, [...found.keys()]]));
  }

  /** Does a row lack one of these columns' values? */
  lacks(row: Row): boolean {
    return this.#places.some((place, i) => this.#isMissing[i]?.(row[place]));
  }

  /** @throws DataError naming place, column and value where one is not what its column is for */
  add(row: Row, place: string): void {
    if ((this.#rows + 1) * this.width > this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    let at = this.#rows * this.width;
    for (const [i, column] of this.columns.entries()) {
      const value = row[this.#places[i] ?? -1];
      if (this.#isMissing[i]?.(value)) this.#writeMissing(column, value, at, place);
      else this.#write(column, value, at, place);
      at += slotsOf(column);
    }
    this.#rows++;
  }

  #writeMissing(column: Column, value: unknown, at: number, place: string): void {
    if (this.role !== 'input' || this.missing === 'refuse') throw this.#problem(column, place, this.#ofMissing(column, value));
    this.#values.fill(Number.NaN, at, at + slotsOf(column));
    if (column.kind !== 'category') return;
    const counts = this.missingTexts.get(column.name) ?? new Map<string, number>();
    const text = typeof value === 'string' ? value : '';
    this.missingTexts.set(column.name, counts.set(text, (counts.get(text) ?? 0) + 1));
  }

  #write(column: Column, value: unknown, at: number, place: string): void {
    switch (column.kind) {
      case 'number':
        this.#values[at] = this.#number(column, value, place);
        return;
      case 'category':
        this.#values[at] = this.#category(column, this.#name(column, value, place), place);
        return;
      case 'list':
        this.#list(column, value, column.shape, at, place);
    }
  }

  #ofMissing({ kind }: Column, value: unknown): string {
    const isText = typeof value === 'string' && value.trim() !== '';
    const what = isText ? `is missing (${show(value)})` : 'is missing';
    const ifCategory =
      isText && kind === 'category' ? '; where that is no missing value, data.missingValues: [""] takes it for a text' : '';
    if (this.role !== 'input') return `a ${this.role} ${what}: fill it in, or leave the row out (data.missing: drop)${ifCategory}`;
    if (!this.advises) return `a value ${what}: the model was trained on rows that have them all`;
    return `a value ${what}: fill it in, or say what to do with data.missing: mean, zero or drop${ifCategory}`;
  }

  /** Exact, and in the range of float32. */
  #number(column: Column, value: unknown, place: string): number {
    const number = numberOf(value, column.decimal);
    if (this.role === 'weight' && !(Number.isFinite(number) && number >= 0))
      throw this.#problem(column, place, `expected a weight, a number of at least 0, got ${show(value)}`);
    if (!Number.isFinite(Math.fround(number))) {
      throw this.#problem(
        column,
        place,
        `expected a finite float32 number, got ${show(value)}${this.advises ? `: mend the file, or say data.columns: { ${column.name}: category }` : ''}`,
      );
    }
    return number;
  }

  /** The name of a category: text, a number, true or false, however a file writes that, or a time, which is the same in all time zones. */
  #name(column: Column, value: unknown, place: string): string {
    if (isTruth(value) && !this.#found.get(column.name)?.has(String(value))) return String(value).trim().toLowerCase();
    if (value instanceof Date) return value.toISOString();
    if (typeof value !== 'object' && typeof value !== 'function') return String(value);
    throw this.#problem(column, place, `expected a number, a text or a list of numbers, got ${show(value)}`);
  }

  #category(column: Column, value: string, place: string): number {
    const found = this.#found.get(column.name);
    const known = found?.get(value);
    if (known !== undefined) return known;
    if (column.kind === 'category' && column.categories) {
      throw this.#problem(
        column,
        place,
        `expected one of the ${this.role === 'target' ? 'classes' : 'categories'} of ${this.like} (${shortList(column.categories)}), got ${show(value)}`,
      );
    }
    const number = found?.size ?? 0;
    found?.set(value, number);
    return number;
  }

  /** Returns where the next one goes. */
  #list(column: Column, value: unknown, [extent, ...inner]: readonly number[], at: number, place: string): number {
    if (extent === undefined) {
      this.#values[at] = this.#number(column, value, place);
      return at + 1;
    }
    if (!isList(value) || value.length !== extent) {
      const shape = column.kind === 'list' ? column.shape.join(', ') : '';
      throw this.#problem(
        column,
        place,
        `expected a list of numbers of shape [${shape}], as in the first row, got ${isList(value) ? `${value.length} where it has ${extent}` : show(value)}`,
      );
    }
    let next = at;
    for (let i = 0; i < extent; i++) next = this.#list(column, value[i], inner, next, place);
    return next;
  }

  #problem({ name }: Column, place: string, message: string): DataError {
    return new DataError(`${this.table.path}, ${place}, column ${name}: ${message}`);
  }
}

/** Values that a column takes before its categories become one value each. */
export function slotsOf(column: Column): number {
  return column.kind === 'category' ? 1 : widthOf(column);
}
