import { type DataSpec, mapPaths } from '../../shared/config/dataSchema.js';
import { DataError } from '../../shared/text/errors.js';
import type { CachePlace } from '../cache/place.js';
import { isAddress, splitArrayName, withoutSecrets } from './dataAddress.js';

/**
 * The path of a file of data on this machine: where it is an address, that of a copy. What fetches is loaded when there is an
 * address: every worker opens data, and few fetch them.
 * @throws as `fetched`
 */
export async function localCopy(path: string, place: CachePlace): Promise<string> {
  if (!isAddress(path)) return path;
  const { address, arrayName } = splitArrayName(path);
  const { fetched } = await import('./fetched.js');
  return `${await fetched(address, place)}${arrayName}`;
}

/** The same data from files of this machine. @throws as `fetched` */
export async function withLocalCopies(spec: DataSpec, place: CachePlace): Promise<DataSpec> {
  const paths = new Set<string>();
  mapPaths(spec, (path) => {
    if (isAddress(path)) paths.add(path);
    return path;
  });
  const [first] = paths;
  if (first !== undefined && 'images' in spec) {
    throw new DataError(
      `${withoutSecrets(first)}: expected a folder of images on this machine: what is at an address can be arrays or tables`,
    );
  }
  const copies = new Map<string, string>();
  for (const path of paths) copies.set(path, await localCopy(path, place));
  return mapPaths(spec, (path) => copies.get(path) ?? path);
}
