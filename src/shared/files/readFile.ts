import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DataError, errorCode, errorMessage, MissingFile } from '../text/errors.js';

/** Size in bytes. Asked before opening: opening a pipe would wait for its writer. @throws DataError where it is no file */
export function fileSize(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new DataError(`${path}: expected a file, got a directory`);
    if (!stat.isFile()) throw new DataError(`${path}: expected a regular file, got a pipe, socket or device`);
    return stat.size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** What the system says of a file, as a person would. */
export function unreadable(path: string, error: unknown): Error {
  if (error instanceof DataError) return error;
  switch (errorCode(error)) {
    case 'ENOENT':
      return new MissingFile(`${path}: no such file`);
    case 'EACCES':
    case 'EPERM':
      return new DataError(`${path}: no permission to read it`);
    default:
      return new DataError(`${path}: cannot be read: ${errorMessage(error)}`);
  }
}

/** The first bytes of a file, by which its format is told. */
export function firstBytes(path: string, count: number): Buffer {
  fileSize(path);
  const bytes = Buffer.alloc(count);
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return bytes.subarray(0, readSync(file, bytes, 0, count, 0));
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Is a file with these first bytes packed with gzip, whatever its name? */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** Reads into all of `bytes`, from a place of an open file. Returns how many were read: fewer where the file ends before. */
export function readFully(bytes: Uint8Array, file: number, at: number): number {
  let filled = 0;
  while (filled < bytes.length) {
    // One read takes at most 2^31 - 1 bytes.
    const read = readSync(file, bytes, filled, Math.min(bytes.length - filled, 2 ** 30), at + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}
