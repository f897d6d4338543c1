import { type ReadConfig, readConfig } from '../../run/readConfig.js';
import { isMapping, mergeConfigs } from '../../shared/config/merge.js';
import { changedNames } from '../../shared/config/names.js';
import { ConfigError } from '../../shared/text/errors.js';
import { configFlags } from './configFlags.js';

/** Reads a config from a file, if there is one, and flags. @throws as `readConfig` */
export function loadConfig(file: string | undefined, flags: Readonly<Record<string, unknown>>): Promise<ReadConfig> {
  const values = valuesOf(flags);
  return readConfig({ file, values, valuesName: 'flags', fallbackName: 'article', mayResume: flags['resume'] !== undefined });
}

/** Flags as the keys of a config that they stand for. */
function valuesOf(flags: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const { path, attribute, read } of configFlags()) {
    if (flags[attribute] === undefined) continue;
    const own = read(flags[attribute]);
    const changed = typeof own === 'object' ? changedNames(String(flags[attribute]), path) : [];
    if (changed.length > 0) throw new ConfigError('flags', changed);
    const value = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), own);
    if (isMapping(value)) Object.assign(values, mergeConfigs(values, value));
  }
  return values;
}
