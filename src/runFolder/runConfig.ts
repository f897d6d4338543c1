import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../shared/config/configSchema.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { readYaml } from '../shared/config/yaml.js';
import { DataError, errorMessage, UsageError } from '../shared/text/errors.js';

/**
 * The config of a run's folder; undefined where there is none.
 * @throws DataError if its config.yaml is not YAML, ConfigError if it is not a config
 */
export function readRunConfig(folder: string): Config | undefined {
  const path = join(folder, 'config.yaml');
  if (!existsSync(path)) return undefined;
  try {
    return parseRunConfig(readFileSync(path, 'utf8'), path);
  } catch (error) {
    throw error instanceof UsageError || error instanceof DataError
      ? error
      : new DataError(`${path}: cannot be read: ${errorMessage(error)}`);
  }
}

/** The config in the text of a run's config.yaml. @param path names it in messages @throws as `readRunConfig` */
export function parseRunConfig(text: string, path: string): Config {
  let yaml: unknown;
  try {
    yaml = readYaml(text);
  } catch (error) {
    throw new DataError(`${path}: cannot be read: ${errorMessage(error)}`);
  }
  // A run's config has everything filled in that would depend on the machine.
  return parseConfig(yaml, path, { cores: 1 });
}
