import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { errorCode } from '../text/errors.js';

/** The part of the file system that a durable write needs. */
export interface DurableFs {
  readonly open: typeof open;
  readonly rename: typeof rename;
  readonly rm: typeof rm;
}

const realFs: DurableFs = { open, rename, rm };

/** Stands in the names of files that are being written. */
export const temporaryMark = '.tmp-';

/**
 * Writes a file so that its name never holds half of it, whatever happens: to a temporary name in the same folder,
 * flushed to the disk, renamed into place, and the folder flushed too.
 * @throws the system's error; the temporary file is gone then, and an older file of that name is as it was
 */
export function writeDurably(path: string, parts: readonly Uint8Array[], fs: DurableFs = realFs): Promise<void> {
  const write = async (temporary: string): Promise<void> => {
    const file = await fs.open(temporary, 'w');
    try {
      for (const part of parts) await file.writeFile(part);
    } finally {
      await file.close();
    }
  };
  return placeDurably(path, write, fs);
}

/**
 * The same for a file that a library writes.
 * @param write makes the file, under the name that it is given
 */
export async function placeDurably(
  path: string,
  write: (temporary: string) => void | Promise<void>,
  fs: DurableFs = realFs,
): Promise<void> {
  // Others may write it at the same time, perhaps on other machines.
  const temporary = `${path}${temporaryMark}${process.pid}-${hostname()}`;
  try {
    await write(temporary);
    await flush(temporary, fs);
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await flushFolder(dirname(path), fs);
}

/** Waits until a file is on the disk. */
async function flush(path: string, fs: DurableFs): Promise<void> {
  const file = await fs.open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What file systems answer that cannot flush a folder, such as CIFS and FUSE. */
const unsupported: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

/** The same for a folder's list of files. Where the file system cannot, or nobody may open the folder, a rename is as durable as it gets. */
async function flushFolder(path: string, fs: DurableFs): Promise<void> {
  let folder: FileHandle;
  try {
    folder = await fs.open(path, 'r');
  } catch (error) {
    if (errorCode(error) === '' || errorCode(error) === 'EIO') throw error;
    return;
  }
  try {
    await folder.sync();
  } catch (error) {
    if (!unsupported.has(errorCode(error))) throw error;
  } finally {
    await folder.close();
  }
}
