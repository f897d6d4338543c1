import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { DataError, errorCode } from '../../shared/text/errors.js';

/** Bytes of a file that is read whole, such as a summary. */
const mostBytes = 16 * 2 ** 20;

/**
 * A run's folder as data from anywhere: what is read of it is a regular file in it, never what a link out of it leads to, and
 * never a pipe, which would wait for its writer.
 */
export class ViewedFolder {
  readonly path: string;
  readonly #place: string;

  /** @param place that the user has named: the folder itself, or one that holds it, which no link may lead out of */
  constructor(path: string, place: string = path) {
    this.path = path;
    this.#place = place;
  }

  /** @returns undefined where there is none @throws DataError for what is not to be read, else the system's error */
  async open(...names: readonly string[]): Promise<FileHandle | undefined> {
    const path = join(this.path, ...names);
    try {
      const real = await this.#real(path);
      // A pipe is opened without waiting, and refused below.
      const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      const stat = await file.stat();
      // The system says itself that a folder cannot be read.
      if (stat.isFile() || stat.isDirectory()) return file;
      await file.close();
      throw notAFile(path);
    } catch (error) {
      // ESTALE: network file systems say so of a file that has just been replaced.
      if (['ENOENT', 'ESTALE'].includes(errorCode(error))) return undefined;
      // So says the system of a socket.
      throw errorCode(error) === 'ENXIO' ? notAFile(path) : error;
    }
  }

  /** The text of a file. @throws as `open`, and DataError for one of more than 16 MiB */
  async text(...names: readonly string[]): Promise<string | undefined> {
    const file = await this.open(...names);
    if (!file) return undefined;
    try {
      const { size } = await file.stat();
      if (size > mostBytes) throw new DataError(`${join(this.path, ...names)}: expected at most ${mostBytes} bytes, got ${size}`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  }

  /** Refuses a folder in it with anything but regular files and folders of such; one that is not there is none. @throws DataError */
  async checkAll(name: string): Promise<void> {
    let entries: Dirent[];
    try {
      entries = await readdir(await this.#real(join(this.path, name)), { withFileTypes: true, recursive: true });
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    const other = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
    if (other) throw notAFile(join(this.path, name, other.name));
  }

  async #real(path: string): Promise<string> {
    const [place, folder, real] = await Promise.all([this.#place, this.path, path].map((one) => realpath(one)));
    if (place === undefined || folder === undefined || real === undefined) throw new Error('realpath gives one path each');
    if (!isIn(place, folder)) throw leadsOut(this.path, this.#place);
    if (!isIn(folder, real)) throw leadsOut(path, this.path);
    return real;
  }
}

function isIn(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

function leadsOut(path: string, folder: string): DataError {
  return new DataError(`${path}: is a link that leads out of ${folder}: it is not followed`);
}

function notAFile(path: string): DataError {
  return new DataError(`${path}: expected a regular file, got a link, pipe, socket or device`);
}
