import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { expectedWords } from '../text/expectedWords.js';

/** Building blocks of the config's schema: every field says itself what it expected and what it got. */

/** A value as a person would write it, cut short. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** What others call it, and what it is called here. */
const aliases: Readonly<Record<string, string>> = {
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  bce: 'binaryCrossentropy',
  lr: 'learningRate',
  acc: 'accuracy',
};

/** A name as it would be here: of `learning_rate`, `learning-rate` and `LearningRate` the same. */
function ownSpelling(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[_-]/g, '');
  return aliases[plain]?.toLowerCase() ?? plain;
}

/**
 * `; did you mean "x"?` for the nearest of the names, or nothing where none is near.
 * @param within names with their place, such as `optimizer.learningRate`, which are meant where they are the name itself
 */
export function suggestion(name: string, names: readonly string[], within: readonly string[] = []): string {
  const wanted = ownSpelling(name);
  const match =
    names.find((known) => ownSpelling(known) === wanted) ??
    within.find((known) => ownSpelling(known.slice(known.lastIndexOf('.') + 1)) === wanted) ??
    nearest(name, names);
  return match === undefined ? '' : `; did you mean "${match}"?`;
}

function nearest(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const lower = name.toLowerCase();
  const nearest = closest(
    lower,
    names.map((known) => known.toLowerCase()),
  );
  return distance(lower, nearest) <= Math.max(2, name.length / 3) ? names.find((known) => known.toLowerCase() === nearest) : undefined;
}

/** Parameters of a schema's reading: problems that it does not put into words itself are put into ours. */
export const inOurWords = { error: (issue: z.core.$ZodRawIssue): string => `${expectedWords(issue)}, got ${show(issue.input)}` };

const expected = (what: string) => ({ error: (issue: { input?: unknown }) => `expected ${what}, got ${show(issue.input)}` });

/** A whole number within bounds, both included. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodInt {
  const params = expected(max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`);
  return z.int(params).min(min, params).max(max, params);
}

/** A finite number; `range` says in words what `isInRange` tests. */
function real(range: string, isInRange: (value: number) => boolean): z.ZodNumber {
  const params = expected(`a number ${range}`.trim());
  return z.number(params).refine(isInRange, params);
}

export const positive = (): z.ZodNumber => real('above 0', (value) => value > 0);
export const notNegative = (): z.ZodNumber => real('of at least 0', (value) => value >= 0);
/** At least 0 and below 1. */
export const fraction = (): z.ZodNumber => real('from 0 up to but not including 1', (value) => value >= 0 && value < 1);
export const anyNumber = (): z.ZodNumber => z.number(expected('a number'));
export const truth = (): z.ZodBoolean => z.boolean(expected('true or false'));

export function text(what: string): z.ZodString {
  return z.string(expected(what)).min(1, expected(what));
}

/** One of some names. */
export function choice<const T extends readonly [string, ...string[]]>(names: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(names, {
    error: (issue) =>
      `expected one of ${names.join(', ')}, got ${show(issue.input)}${typeof issue.input === 'string' ? suggestion(issue.input, names) : ''}`,
  });
}

/** A mapping with known keys and no others. */
export function record<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, expected('a mapping of keys'));
}

/** A list of at least `min` items. */
export function list<T extends z.ZodType>(item: T, what: string, min = 0): z.ZodArray<T> {
  const params = expected(what);
  return z.array(item, params).min(min, params);
}

/** Reads a value by a schema chosen at run time, reporting its problems below `path`. */
export function readWith<T extends z.ZodType>(schema: T, value: unknown, context: z.RefinementCtx, path: readonly string[]): z.output<T> {
  const result = schema.safeParse(value, inOurWords);
  if (result.success) return result.data;
  for (const issue of result.error.issues.flatMap((raw) => oneByOne(schema, raw))) {
    context.addIssue({ code: 'custom', path: [...path, ...issue.path], message: issue.message });
  }
  return z.NEVER;
}

/**
 * Splits zod's one issue for all unknown keys of a mapping into one a key, each with the nearest known key.
 * @param within keys of mappings below the schema's own that a key at its top may be meant for, with their place
 */
export function oneByOne(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  within: readonly string[] = [],
): { path: PropertyKey[]; message: string }[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  const known = keysAt(schema, issue.path);
  return issue.keys.map((key) => {
    const hint = suggestion(key, known, issue.path.length === 0 ? within : []);
    return { path: [...issue.path, key], message: `unknown key${hint === '' ? `; known here: ${known.join(', ')}` : hint}` };
  });
}

function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) inner = inner.unwrap();
  if (!(inner instanceof z.ZodObject)) return [];
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(inner.shape);
  const next = inner.shape[String(key)];
  return next ? keysAt(next, rest) : [];
}

/** `["model", "layers", 1, "dense"]` to `model.layers[1].dense`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`),
    '',
  );
}
