import type { Readable } from 'node:stream';
import type { Entry, ZipFile } from 'yauzl';
import { DataError, errorMessage } from '../text/errors.js';

/**
 * Opens a zip archive, which yauzl holds to the sizes that it states.
 * @param kind what it should be, for messages
 * @throws DataError where it is none
 */
export async function withZip<T>(path: string, kind: string, use: (zip: ZipFile, entries: readonly Entry[]) => Promise<T>): Promise<T> {
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false }).catch((error: unknown) => {
    throw new DataError(`${path}: cannot be read as a ${kind} archive: ${errorMessage(error)}`);
  });
  try {
    return await use(zip, await entriesOf(zip, path));
  } finally {
    zip.close();
  }
}

async function entriesOf(zip: ZipFile, path: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) entries.push(entry);
  } catch (error) {
    throw new DataError(`${path}: is damaged: ${errorMessage(error)}`);
  }
  return entries;
}

/** What an entry unpacks to. @param what names it in messages */
export async function unpackedStream(zip: ZipFile, entry: Entry, what: string): Promise<Readable> {
  try {
    return await zip.openReadStreamPromise(entry);
  } catch (error) {
    throw new DataError(`${what}: cannot be unpacked: ${errorMessage(error)}`);
  }
}
