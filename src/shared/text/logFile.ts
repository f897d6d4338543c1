import { appendFileSync } from 'node:fs';
import { logLine } from './logLine.js';

/** Adds a line to a log. One that cannot be written is left out: a full disk is told of by what is needed there. */
export function appendLogLine(path: string, ...line: Parameters<typeof logLine>): void {
  try {
    appendFileSync(path, `${logLine(...line)}\n`);
  } catch {}
}
