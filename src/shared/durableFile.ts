import { open, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

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
export async function writeDurably(path: string, parts: readonly Uint8Array[], fs: DurableFs = realFs): Promise<void> {
  // Others may write it at the same time, perhaps on other machines.
  const temporary = `${path}${temporaryMark}${process.pid}-${hostname()}`;
  try {
    const file = await fs.open(temporary, 'w');
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  const folder = await fs.open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
