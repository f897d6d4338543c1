import { createWriteStream, mkdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import { temporaryMark } from '../shared/files/durableFile.js';
import { errorMessage, RunError } from '../shared/text/errors.js';

/**
 * Writes some files of a zip archive, each of which appears only once it is whole.
 * @param placeOf the path of a file, undefined for one that is not wanted
 * @returns how many there were
 * @throws RunError where the archive is none
 */
export async function unpack(archive: string, placeOf: (name: string) => string | undefined): Promise<number> {
  let count = 0;
  let current: string | undefined;
  try {
    const zip = await openPromise(archive, { autoClose: false });
    try {
      for await (const entry of zip.eachEntry()) {
        const path = placeOf(entry.fileName);
        if (path === undefined) continue;
        mkdirSync(dirname(path), { recursive: true });
        current = `${path}${temporaryMark}${process.pid}`;
        await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(current));
        await rename(current, path);
        current = undefined;
        count++;
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    if (current !== undefined) await rm(current, { force: true });
    throw new RunError(`${archive} cannot be unpacked (${errorMessage(error)})`);
  }
  return count;
}
