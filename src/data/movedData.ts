import { existsSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { stringify } from 'yaml';
import { type DataSpec, mapPaths } from '../shared/config/dataSchema.js';
import { DataError, MissingFile } from '../shared/text/errors.js';
import { quoted } from '../shared/text/shellWord.js';
import { isAddress } from './remote/dataAddress.js';

/**
 * Loads the data that a run's config names. Where they are missing, says how to name their new place.
 * @param folder of the run, or within it
 * @param data as the config has them
 */
export async function ofRun<T>(loading: Promise<T>, folder: string, data: DataSpec): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    if (!(error instanceof MissingFile) || 'name' in data) throw error;
    throw new DataError(`${error.message}; ${moveAdvice(folder, data)}`);
  }
}

/** What to type where data have moved: with the places where they are found near the run, which moves with them in most cases. */
export function moveAdvice(folder: string, data: DataSpec): string {
  const moved = mapPaths(data, (path) => (isAddress(path) || existsSync(path) ? path : newPlace(path, folder)));
  // How inputs are prepared is the run's own matter, and may be many numbers.
  const shown = { ...moved, normalize: undefined };
  const spec = stringify(shown, { collectionStyle: 'flow', lineWidth: 0, keepUndefined: false }).trim();
  return `the run's config names it. If the data have moved, name their new place: --data ${quoted(spec)}, or change it in the run's config.yaml`;
}

/** Looks for a file of the same name, in the same folders as far as possible, in all folders around the run. */
function newPlace(path: string, folder: string): string {
  const names = path.split(sep).filter((name) => name !== '');
  const suffixes = names.map((_, i) => join(...names.slice(i)));
  for (let around = resolve(folder); ; around = dirname(around)) {
    const found = suffixes.map((suffix) => join(around, suffix)).find((candidate) => existsSync(candidate));
    if (found !== undefined) return found;
    if (around === dirname(around)) return join('NEW_FOLDER', names.at(-1) ?? '');
  }
}
