import { parseDocument } from 'yaml';
import { errorMessage } from '../text/errors.js';

/** Deepest nesting that is read: no config needs more than a handful of levels. */
const deepest = 64;

/** A text that is not YAML, or stands for more than it says. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('; '));
  }
}

/**
 * The value of a YAML text, which others may have written: a tree, without aliases that contain themselves or expand to
 * very many values.
 * @throws YamlError
 */
export function readYaml(text: string): unknown {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new YamlError(document.errors.map(({ message }) => problemOf(message)));
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    throw new YamlError([problemOf(errorMessage(error))]);
  }
  checkTree(value, new Set());
  return value;
}

/** What the parser says, as one line for a person. */
function problemOf(message: string): string {
  if (/call stack/.test(message)) return `expected at most ${deepest} levels of nesting, got more`;
  if (/alias count/i.test(message)) return 'expected a few aliases, got some that expand to very many values';
  return message.split('\n')[0] ?? message;
}

function checkTree(value: unknown, above: Set<unknown>): void {
  if (typeof value !== 'object' || value === null) return;
  if (above.has(value))
    throw new YamlError(['expected values without themselves inside, got an alias (*name) within its own anchor (&name)']);
  if (above.size >= deepest) throw new YamlError([`expected at most ${deepest} levels of nesting, got more`]);
  above.add(value);
  for (const inner of Object.values(value)) checkTree(inner, above);
  above.delete(value);
}
