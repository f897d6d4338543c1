import { readFileSync } from 'node:fs';
import { DataError, errorMessage } from './errors.js';

/** Figures by name: `loss`, `valAccuracy`, ... */
export type Figures = Readonly<Record<string, number>>;

/** JSON in one line; numbers that are not finite, which JSON lacks, become strings: "NaN", "Infinity", "-Infinity". */
export function jsonLine(value: unknown): string {
  const line = JSON.stringify(value);
  // They come out as null: only then is it worth asking every number.
  if (!line.includes('null')) return line;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner));
}

/** The value of a JSON file. @throws DataError naming it where it is not JSON, and the system's error where it cannot be read */
export function readJson(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path}: is not JSON: ${errorMessage(error)}`);
  }
}
