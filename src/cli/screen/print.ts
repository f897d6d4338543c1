import { printableText } from '../../shared/text/printable.js';

/** Prints a result to stdout. What names of others would do to a terminal is escaped as in JSON, so JSON stays what it is. */
export function print(text: string): void {
  process.stdout.write(`${printableText(text)}\n`);
}
