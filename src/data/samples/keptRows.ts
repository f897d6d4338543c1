import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { readFully } from '../../shared/files/readFile.js';
import { errorMessage, ProtocolError, RunError } from '../../shared/text/errors.js';

/** Rows of bytes in a file, some of which are there. Several processes may have it open. */
export class KeptRows {
  readonly file: number;
  #isClosed = false;

  /** @throws RunError where the file cannot be had */
  constructor(
    readonly path: string,
    readonly rowBytes: number,
  ) {
    this.file = explained(path, () => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
  }

  /**
   * Writes rows to their places, one behind the other in `bytes`.
   * @throws ProtocolError where these are not so many rows, RunError where they cannot be written
   */
  put(places: readonly number[], bytes: Uint8Array): void {
    const { rowBytes, path } = this;
    if (bytes.byteLength !== places.length * rowBytes)
      throw new ProtocolError(`samples: expected ${places.length} rows of ${rowBytes} bytes, got ${bytes.byteLength} bytes`);
    if (this.#isClosed) return;
    explained(path, () => {
      for (const [i, place] of places.entries()) this.#write(bytes.subarray(i * rowBytes, (i + 1) * rowBytes), place);
    });
  }

  /** Undefined where the file ends before. */
  read(place: number): Uint8Array | undefined {
    const bytes = new Uint8Array(this.rowBytes);
    return readFully(bytes, this.file, place * this.rowBytes) < bytes.length ? undefined : bytes;
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.file);
    this.#isClosed = true;
  }

  /** A disk that is full takes a part of a row before it says so. */
  #write(row: Uint8Array, place: number): void {
    for (let written = 0; written < row.length; )
      written += writeSync(this.file, row, written, row.length - written, place * this.rowBytes + written);
  }
}

function explained<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new RunError(
      `${path}: samples cannot be kept there (${errorMessage(error)}): make room, or name another cache folder with XDG_CACHE_HOME`,
    );
  }
}
