import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DataError, errorMessage } from '../errors.js';
import { parseConfig } from './parse.js';
import type { Config } from './schema.js';

/**
 * The config of a run's folder; undefined where there is none.
 * @throws DataError if its config.yaml is not YAML, ConfigError if it is not a config
 */
export function readRunConfig(folder: string): Config | undefined {
  const path = join(folder, 'config.yaml');
  if (!existsSync(path)) return undefined;
  // A run's config has everything filled in that would depend on the machine.
  return parseConfig(readYaml(path), path, { cores: 1 });
}

function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new DataError(`${path}: cannot be read: ${errorMessage(error)}`);
  }
}
