/** Texts by which a value is missing, in any case, where a config names no others (`missingValues`). */
const missingTexts: readonly string[] = ['', 'na', 'n/a', 'nan', 'null', 'none', '?'];

const truths: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['false', 0],
]);

/** How the values of a column are written. */
export interface Writing {
  /** Texts by which a value is missing; default: `missingTexts`. */
  readonly missing?: readonly string[] | undefined;
  /** What stands before the decimals of a number; default: a point. */
  readonly decimal?: ',' | undefined;
}

/** Is a value missing? Empty cells, null and NaN are; and what is one of these texts, in any case. */
export type MissingTest = (value: unknown) => boolean;

export function missingTest({ missing = missingTexts }: Writing): MissingTest {
  const texts = new Set(missing.map((text) => text.trim().toLowerCase()));
  const hasNumbers = [...texts].some((text) => isNumber(text));
  return (value) => {
    if (value === undefined || value === null) return true;
    if (typeof value === 'string') return texts.has(value.trim().toLowerCase());
    return (typeof value === 'number' && Number.isNaN(value)) || (hasNumbers && texts.has(String(value)));
  };
}

export const isMissing: MissingTest = missingTest({});

/** Is it true or false, or text that says so, in any case? */
export function isTruth(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'string' && truths.has(value.trim().toLowerCase()));
}

/** Is it a finite number, or text that says one? */
export function isNumber(value: unknown, decimal?: Writing['decimal']): boolean {
  return Number.isFinite(numberOf(value, decimal));
}

/** The number that a value is or says; true and false are 1 and 0; NaN for what is none. */
export function numberOf(value: unknown, decimal?: Writing['decimal']): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
    case 'boolean':
      return Number(value);
    case 'string':
      return numberIn(value, decimal);
    default:
      return Number.NaN;
  }
}

/** Number() takes '' for 0, and 0x10 and Infinity for numbers. */
function numberIn(text: string, decimal: Writing['decimal']): number {
  if (decimal === ',') return text.includes('.') ? Number.NaN : numberIn(text.replace(',', '.'), undefined);
  if (/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text)) return Number(text);
  return truths.get(text.trim().toLowerCase()) ?? Number.NaN;
}

/** A number with a decimal comma. */
export function hasDecimalComma(value: unknown): boolean {
  return typeof value === 'string' && /^\s*[+-]?\d*,\d+(e[+-]?\d+)?\s*$/i.test(value);
}

/** Is it a number as people write it for each other: with thousands set apart, a decimal comma, a unit of money or a percent sign? */
export function isWrittenNumber(value: unknown): boolean {
  if (hasDecimalComma(value)) return true;
  return typeof value === 'string' && /^\s*[+-]?\s*[$€£¥]?\s*(\d{1,3}([,' \u00a0]\d{3})+|\d+)([.,]\d+)?\s*[%$€£¥]?\s*$/.test(value);
}
