import { UsageError } from '../../shared/text/errors.js';

/** Reads a flag that takes a whole number of at least 1. */
export function wholeFlag(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${flag}: expected a whole number of at least 1, got ${text}`);
  return value;
}
