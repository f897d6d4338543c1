/** How a missing value is written. */
const missing: ReadonlySet<string> = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?']);

export function isMissing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'number') return Number.isNaN(value);
  return typeof value === 'string' && missing.has(value.trim().toLowerCase());
}

/** Is it a finite number, or text that says one? */
export function isNumber(value: unknown): boolean {
  return Number.isFinite(numberOf(value));
}

/** The number that a value is or says; true and false are 1 and 0; NaN for what is none. */
export function numberOf(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
    case 'boolean':
      return Number(value);
    case 'string':
      // Number() takes '' for 0, and 0x10 and Infinity for numbers.
      return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value) ? Number(value) : Number.NaN;
    default:
      return Number.NaN;
  }
}
