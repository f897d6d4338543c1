import { ConfigError, type Problem } from '../text/errors.js';
import { changedNames, namesAsText } from './names.js';
import { readYaml, YamlError } from './yaml.js';

/**
 * The value of a config's text, or of a part of it, as YAML.
 * @param source what to call it in messages
 * @param at where in a config it stands
 * @throws ConfigError where it is not YAML, or has names that YAML changes
 */
export function readConfigText(source: string, text: string, at: readonly string[] = []): unknown {
  const [value, problems] = parsed(text, at);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return value;
}

function parsed(text: string, at: readonly string[]): [unknown, Problem[]] {
  try {
    return [namesAsText(readYaml(text), at), changedNames(text, at)];
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return [undefined, error.problems.map((message) => ({ path: at.join('.'), message }))];
  }
}
