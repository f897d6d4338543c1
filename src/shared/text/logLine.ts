import { jsonLine } from './json.js';
import { printableLine } from './printable.js';

/** How lines of a log are written: for a person, or one JSON object a line. */
export const logFormats = ['human', 'json'] as const;

export type LogFormat = (typeof logFormats)[number];

/** One line of a log file, without its end. @param source who says it, such as `worker 0` */
export function logLine(format: LogFormat, source: string, message: string, more: Readonly<Record<string, unknown>> = {}): string {
  const time = new Date().toISOString();
  return format === 'json'
    ? printableLine(jsonLine({ time, source, message, ...more }))
    : `${time} [${printableLine(source)}] ${printableLine(message)}`;
}
