import { printableText } from '../../shared/text/printable.js';

/** Says a line to the person at the keyboard: results alone go to stdout. */
export function say(line: string): void {
  process.stderr.write(`${printableText(line)}\n`);
}

/** Prints a result to stdout. What names of others would do to a terminal is escaped as in JSON, so JSON stays what it is. */
export function print(text: string): void {
  process.stdout.write(`${printableText(text)}\n`);
}
