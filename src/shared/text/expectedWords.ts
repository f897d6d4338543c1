import type { z } from 'zod';

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  int: 'a whole number',
  number: 'a number',
  record: 'a mapping of keys',
  object: 'a mapping of keys',
};

/** `expected a number`: what a value should have been, in our words, for schemas that do not say it themselves. */
export function expectedWords(issue: z.core.$ZodRawIssue): string {
  return `expected ${wanted(issue)}`;
}

function wanted(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return nouns[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return bound(issue.origin, 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, 'at most', issue.maximum);
    case 'unrecognized_keys':
      return `no key ${issue.keys.join(', ')}`;
    default:
      return 'another value';
  }
}

function bound(origin: string, limits: string, limit: number | bigint): string {
  if (origin === 'string') return `text of ${limits} ${limit} characters`;
  return origin === 'array' ? `a list of ${limits} ${limit}` : `a number of ${limits} ${limit}`;
}
