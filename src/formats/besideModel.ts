import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { DataError } from '../shared/text/errors.js';

/**
 * The path of a file that a model names as the place of its weights, whether it is there or not. A model is in one folder: a
 * path that leads out of it, by its name or as a link, would make weights of any file of its user.
 * @param name as it stands in the model
 * @param what names the model in messages
 * @throws DataError where it leads out of the folder
 */
export function besideModel(folder: string, name: string, what: string): string {
  const path = join(folder, name);
  const isWithin = !isAbsolute(name) && !name.split(/[\\/]/).includes('..');
  if (isWithin && isBelow(folder, path)) return path;
  const how = isWithin ? ', a link that leads out of it' : '';
  throw new DataError(`${what}: expected files of weights in its folder, got ${JSON.stringify(name)}${how}`);
}

function isBelow(folder: string, path: string): boolean {
  if (!existsSync(path)) return true;
  const way = relative(realpathSync(folder), realpathSync(path));
  return way !== '..' && !way.startsWith(`..${sep}`);
}
