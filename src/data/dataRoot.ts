import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { type DataSpec, mapPaths } from '../shared/config/dataSchema.js';
import { DataError } from '../shared/text/errors.js';
import { isAllowed } from './remote/allowed.js';
import { isAddress, withoutSecrets } from './remote/dataAddress.js';

/**
 * The files that someone else names, as they may be opened here: relative paths begin at the root, and none leads out
 * of it, nor through links. Addresses begin with one of those that are allowed.
 * @param root folder of this machine
 * @param urls what addresses may begin with; undefined: anything
 * @throws DataError naming the path that does, or the address that does not
 */
export function underRoot(spec: DataSpec, root: string, urls: readonly string[] | undefined): DataSpec {
  return mapPaths(spec, (path) => (isAddress(path) ? allowed(path, urls) : fileUnder(root, path)));
}

function allowed(address: string, urls: readonly string[] | undefined): string {
  if (isAllowed(address, urls)) return address;
  throw new DataError(
    `${withoutSecrets(address)}: begins with none of the addresses that this worker opens data at (${urls?.map(withoutSecrets).join(', ') || 'none'}); start it with --data-url PREFIX that it begins with`,
  );
}

/** What addresses a process may open that opens files under a root: one that opens all files opens all addresses. */
export function urlsUnder(root: string, urls: readonly string[]): readonly string[] | undefined {
  return resolve(root) === '/' ? undefined : urls;
}

function fileUnder(root: string, path: string): string {
  // The name of an array in an archive is no part of its path.
  const [, file = path, name = ''] = /^(.*\.npz)(#.*)?$/is.exec(path) ?? [];
  const found = resolve(root, file);
  if (isUnder(root, found)) return `${found}${name}`;
  throw new DataError(
    `${path}: lies outside ${resolve(root)}, the only folder that this worker opens data in; start it with --data-root FOLDER that holds the run's data`,
  );
}

/** Does a path, once all links are followed, lie within a folder? */
export function isUnder(root: string, path: string): boolean {
  return isWithin(real(root), real(resolve(path)));
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
