import { readFileSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { isOfTable, pathsFrom } from '../data/configPaths.js';
import { withModelFrom } from '../formats/startFrom.js';
import type { Config } from '../shared/config/configSchema.js';
import { readConfigText } from '../shared/config/configText.js';
import { machineHere } from '../shared/config/machine.js';
import { isMapping, mergeConfigs } from '../shared/config/merge.js';
import { changedNames } from '../shared/config/names.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { asRunName } from '../shared/config/runName.js';
import { ConfigError, errorCode, errorMessage, UsageError } from '../shared/text/errors.js';
import { configFlags } from './flags/configFlags.js';

type Mapping = Readonly<Record<string, unknown>>;

export interface LoadedConfig {
  readonly config: Config;
  /** The keys that the user gave, in the form of a file. */
  readonly given: Mapping;
  /** Why the model that the config starts from cannot be read, where a run may be gone on with that needs it no more. */
  readonly missing: unknown;
  /** The config's name: its file's, without the ending. */
  readonly name: string;
}

/**
 * Puts a config together: a YAML file, over it the flags, under both the defaults. Paths in a file are relative to the
 * file's folder, paths in flags to the working directory.
 * @throws ConfigError, UsageError
 */
export async function loadConfig(file: string | undefined, flags: Readonly<Mapping>): Promise<LoadedConfig> {
  const [inFile, inFlags] = [file === undefined ? {} : mappingIn(file), configOf(flags)];
  const isTable = isOfTable(inFile) || isOfTable(inFlags);
  const fromFile = pathsFrom(file === undefined ? '.' : dirname(file), inFile, isTable);
  const fromFlags = pathsFrom('.', inFlags, isTable);
  const source = file === undefined ? 'flags' : Object.keys(fromFlags).length > 0 ? `${file} and flags` : file;
  const raw = mergeConfigs(fromFile, fromFlags);
  const { given, missing } = await withModel(raw, flags['resume'] !== undefined);
  const config = parseConfig(given, source, machineHere());
  return { config, given, missing, name: file === undefined ? 'article' : asRunName(basename(file, extname(file))) };
}

async function withModel(raw: Mapping, mayResume: boolean): Promise<Pick<LoadedConfig, 'given' | 'missing'>> {
  try {
    return { given: await withModelFrom(raw), missing: undefined };
  } catch (missing) {
    if (!mayResume) throw missing;
    const { from: _, freeze: __, ...given } = raw;
    return { given, missing };
  }
}

function configOf(flags: Readonly<Mapping>): Mapping {
  const config: Record<string, unknown> = {};
  for (const { path, attribute, read } of configFlags()) {
    if (flags[attribute] === undefined) continue;
    const own = read(flags[attribute]);
    const changed = typeof own === 'object' ? changedNames(String(flags[attribute]), path) : [];
    if (changed.length > 0) throw new ConfigError('flags', changed);
    const value = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), own);
    if (isMapping(value)) Object.assign(config, mergeConfigs(config, value));
  }
  return config;
}

function mappingIn(file: string): Mapping {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: ${errorCode(error) === 'ENOENT' ? 'no such config file' : errorMessage(error)}`);
  }
  const value = readConfigText(file, text) ?? {};
  if (!isMapping(value)) throw new ConfigError(file, [{ path: '', message: 'expected a mapping of keys, as in `batchSize: 32`' }]);
  return value;
}
