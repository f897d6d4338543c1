import { existsSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { placeDurably } from '../../shared/files/durableFile.js';
import { shortHash } from '../../shared/files/shortHash.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { alone } from './lock.js';
import type { CachePlace } from './place.js';

/** A file that is made of another one, once. */
export interface Making {
  /** The file that it is made of, and what it is made of in it: together they name what is kept. */
  readonly source: string;
  readonly part: string;
  /** Bytes that it will have, where that is known. */
  readonly bytes?: number | undefined;
  /** What messages call the source, and what is said of it: `is compressed: unpacking it`. */
  readonly what: string;
  readonly because: string;
  /** Makes it, under the name that it is given. */
  readonly write: (temporary: string) => void | Promise<void>;
}

/**
 * The path of a file that is kept among converted data, made where it is not there or its source has changed.
 * @throws DataError naming what cannot be made
 */
export async function keptFile(
  { source, part, bytes = 0, what, because, write }: Making,
  { folders, say, signal }: CachePlace,
): Promise<string> {
  const { size, mtimeMs } = statSync(source);
  const key = shortHash([JSON.stringify([resolve(source), size, mtimeMs, part])]);
  const places = folders.map((folder) => join(folder, `${key}.npy`));
  const known = places.find((path) => existsSync(path));
  if (known !== undefined) return known;
  const path = places[0] ?? '.';
  mkdirSync(dirname(path), { recursive: true });
  const make = async (): Promise<void> => {
    const { bavail, bsize } = statfsSync(dirname(path));
    if (bytes > bavail * bsize) throw new DataError(`${what}: unpacks to ${bytes} bytes, and there are ${bavail * bsize} free at ${path}`);
    say?.(`${what} ${because} to ${path}, once`);
    try {
      await placeDurably(path, write);
    } catch (error) {
      throw error instanceof DataError ? error : new DataError(`${what}: cannot be unpacked: ${errorMessage(error)}`);
    }
  };
  await alone(`${path}.lock`, () => existsSync(path), make, { what: `unpacks ${what}`, say, signal });
  return path;
}
