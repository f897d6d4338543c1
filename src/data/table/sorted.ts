import { isNumber, numberOf } from './cellNumbers.js';

/** Names as numbers where they all are, else as text, by code units: the same on every machine. */
export function sorted(names: Iterable<string>): string[] {
  const all = [...names];
  return all.every((text) => isNumber(text)) ? all.sort((a, b) => numberOf(a) - numberOf(b)) : all.sort();
}
