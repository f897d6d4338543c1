import { isDeepStrictEqual } from 'node:util';
import { show } from '../shared/config/fields.js';
import { isMapping } from '../shared/config/merge.js';

/** A key whose value differs between two configs. */
export interface Difference {
  /** Dotted path, e.g. `model.layers[1].dense.units`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Where two values differ, leaf by leaf. A mapping or a list that only one of them has is one difference. */
export function differencesOf(before: unknown, after: unknown, path = ''): Difference[] {
  if (isMapping(before) && isMapping(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => differencesOf(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, i) => differencesOf(before[i], after[i], `${path}[${i}]`)).flat();
  }
  return isDeepStrictEqual(before, after) ? [] : [{ path, before, after }];
}

/** Characters that stand before the first difference of two long values. */
const lead = 20;
/** Characters of a value that are shown at most. */
const most = 60;

/** Two different values for a person: long ones are cut around the first difference, so that they never look the same. */
export function showBoth(before: unknown, after: unknown): [string, string] {
  const whole = [before, after].map((value) => JSON.stringify(value));
  const [a = '', b = ''] = whole;
  const first = [...a].findIndex((letter, i) => letter !== b[i]);
  const from = first < 0 ? a.length : first;
  if (from < most - lead) return [show(before), show(after)];
  const cut = (text: string): string => {
    const end = from + most - lead;
    return `...${text.slice(from - lead, end)}${text.length > end ? '...' : ''}`;
  };
  return [cut(a), cut(b)];
}
