import { printableText } from './printable.js';

/** Says a line to the person at the keyboard: results alone go to stdout. */
export function say(line: string): void {
  process.stderr.write(`${printableText(line)}\n`);
}
