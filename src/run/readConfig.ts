import { readFileSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { withModelFrom } from '../formats/startFrom.js';
import type { Config } from '../shared/config/configSchema.js';
import { readConfigText } from '../shared/config/configText.js';
import { machineHere } from '../shared/config/machine.js';
import { isMapping, mergeConfigs } from '../shared/config/merge.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { asRunName } from '../shared/config/runName.js';
import { ConfigError, errorCode, errorMessage, UsageError } from '../shared/text/errors.js';
import { isOfTable, pathsFrom } from './configPaths.js';

type Mapping = Readonly<Record<string, unknown>>;

/** Where a config comes from: a YAML file, and over it values that were given besides. */
export interface ConfigSource {
  readonly file?: string | undefined;
  readonly values?: Mapping;
  /** What the values are called in messages, such as `flags`. */
  readonly valuesName: string;
  /** What runs are named after where there is no file. */
  readonly fallbackName: string;
  /** May the model that it starts from be gone? Where a run is gone on with, it needs that no more. */
  readonly mayResume?: boolean;
}

export interface ReadConfig {
  readonly config: Config;
  /** The keys that the user gave, in the form of a file, with full paths. */
  readonly given: Mapping;
  /** Where they are from, for messages. */
  readonly source: string;
  /** Why the model that the config starts from cannot be read, where that may be. */
  readonly missing: unknown;
  /** The config's name: its file's, without the ending. */
  readonly name: string;
}

/**
 * Reads a config, for the command line, the library and experiments: the file, over it the values, under both the defaults.
 * Paths in a file are relative to the file's folder, paths in values to the working directory.
 * @throws ConfigError, UsageError, and what `withModelFrom` throws
 */
export async function readConfig({ file, values = {}, valuesName, fallbackName, mayResume = false }: ConfigSource): Promise<ReadConfig> {
  const inFile = file === undefined ? {} : mappingIn(file);
  const isTable = isOfTable(inFile) || isOfTable(values);
  const fromFile = pathsFrom(file === undefined ? '.' : dirname(file), inFile, isTable);
  const fromValues = pathsFrom('.', values, isTable);
  const source = file === undefined ? valuesName : Object.keys(fromValues).length > 0 ? `${file} and ${valuesName}` : file;
  const { given, missing } = await withModel(mergeConfigs(fromFile, fromValues), mayResume);
  const config = parseConfig(given, source, machineHere());
  return { config, given, source, missing, name: file === undefined ? fallbackName : asRunName(basename(file, extname(file))) };
}

/** The same with other workers than were given: how many there are decides defaults. @throws ConfigError */
export function withWorkers(read: ReadConfig, workers: number): ReadConfig {
  if (read.config.workers === workers && read.given['workers'] !== undefined) return read;
  const given = { ...read.given, workers };
  return { ...read, given, config: parseConfig(given, read.source, machineHere()) };
}

async function withModel(raw: Mapping, mayResume: boolean): Promise<Pick<ReadConfig, 'given' | 'missing'>> {
  try {
    return { given: await withModelFrom(raw), missing: undefined };
  } catch (missing) {
    if (!mayResume) throw missing;
    const { from: _, freeze: __, ...given } = raw;
    return { given, missing };
  }
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
