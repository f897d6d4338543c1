import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { type DataSpec, mapPaths } from '../shared/config/dataSchema.js';
import { DataError } from '../shared/errors.js';

/**
 * The files that someone else names, as they may be opened here: relative paths begin at the root, and none leads out
 * of it, nor through links.
 * @param root folder of this machine
 * @throws DataError naming the path that does
 */
export function underRoot(spec: DataSpec, root: string): DataSpec {
  return mapPaths(spec, (path) => fileUnder(root, path));
}

function fileUnder(root: string, path: string): string {
  const file = resolve(root, path);
  if (isWithin(real(root), real(file))) return file;
  throw new DataError(
    `${path}: lies outside ${resolve(root)}, the only folder that this worker opens data in; start it with --data-root FOLDER that holds the run's data`,
  );
}

function isWithin(root: string, file: string): boolean {
  const path = relative(root, file);
  return path !== '..' && !path.startsWith(`..${sep}`);
}

/** The path without links, as far as it exists: opening what does not will say so. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), basename(path));
  }
}
