import { UsageError } from '../../shared/text/errors.js';

/** Reads a flag that takes a number of seconds, 0 or more. */
export function secondsFlag(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${flag}: expected a number of seconds of at least 0, got ${text}`);
}
