import { UsageError } from './errors.js';

/** A word as a POSIX shell reads it. */
export function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A value that becomes part of a script may end no line of it.
 * @param what names the value in the message
 * @throws UsageError for a control character
 */
export function refuseControls(what: string, value: string): void {
  if (/\p{Cc}/u.test(value)) throw new UsageError(`${what}: expected no control characters or line ends, got ${JSON.stringify(value)}`);
}
