import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import { temporaryMark } from '../shared/durableFile.js';
import { errorMessage, RunError } from '../shared/errors.js';

/**
 * Writes one file of a zip archive to a path, where it appears only once it is whole.
 * @throws RunError where the archive is none, or has no such file
 */
export async function unpackFile(archive: string, name: string, path: string): Promise<void> {
  const temporary = `${path}${temporaryMark}${process.pid}`;
  try {
    const zip = await openPromise(archive, { autoClose: false });
    try {
      for await (const entry of zip.eachEntry()) {
        if (entry.fileName !== name) continue;
        await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(temporary));
        await rename(temporary, path);
        return;
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw new RunError(`${archive}: ${name} cannot be unpacked to ${path} (${errorMessage(error)})`);
  }
  throw new RunError(`${archive}: has no ${name}`);
}
