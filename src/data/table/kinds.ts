import { show } from '../../shared/config/fields.js';
import { DataError } from '../../shared/text/errors.js';
import { hasDecimalComma, isNumber, isWrittenNumber, missingTest, type Writing } from './cellNumbers.js';

/** How the values of a column become numbers. */
export type ColumnKind =
  /** `isExact`: float32 would make different values the same, so they are kept as float64 until they are normalized. */
  | { readonly kind: 'number'; readonly isExact?: boolean | undefined }
  /** One value a category, 1 or 0; in the order of the names. Which there are is not known before all rows have been read. */
  | { readonly kind: 'category'; readonly categories?: readonly string[] | undefined }
  /** A list of numbers, always of this shape. */
  | { readonly kind: 'list'; readonly shape: readonly number[] };

/** A value of a column, and the line or row that it stands in. */
export interface Found {
  readonly value: unknown;
  readonly place: string;
}

/** The share of a column's values from which on the others are taken for mistakes, or for values that are missing. */
const nearlyAll = 0.9;

/**
 * The kind of a column, from some of its values: numbers, lists, or else categories.
 * @param where names table and column in messages
 * @throws DataError where nearly all values are numbers: the others would turn each of them into a category
 */
export function kindOf(found: readonly Found[], writing: Writing, where: { readonly path: string; readonly name: string }): ColumnKind {
  const isMissing = missingTest(writing);
  const known = found.filter(({ value }) => !isMissing(value));
  const first = known[0]?.value;
  if (isList(first)) return { kind: 'list', shape: shapeOf(first) };
  const others = known.filter(({ value }) => !isNumber(value, writing.decimal));
  const [other] = others;
  if (!other) return { kind: 'number' };
  const texts = others.filter(({ value }) => !isWrittenNumber(value));
  if (known.length - texts.length >= nearlyAll * known.length) throw oddValue(other, where);
  return { kind: 'category' };
}

function oddValue({ value, place }: Found, { path, name }: { readonly path: string; readonly name: string }): DataError {
  const ways = hasDecimalComma(value)
    ? "numbers with decimal commas are read with data.decimal: ','"
    : `mend the file, say data.columns: { ${name}: category }${isWrittenNumber(value) ? '' : `, or data.missingValues: [${show(value)}] where it is missing`}`;
  return new DataError(
    `${path}, ${place}, column ${name}: expected a number, as nearly all of its values are, got ${show(value)}: ${ways}`,
  );
}

/** An array, or one of numbers in memory. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

export function shapeOf(value: unknown): number[] {
  return isList(value) ? [value.length, ...shapeOf(value[0])] : [];
}
