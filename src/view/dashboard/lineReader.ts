import type { FileHandle } from 'node:fs/promises';
import { DataError } from '../../shared/text/errors.js';
import type { ViewedFolder } from './viewedFolder.js';

const chunkBytes = 1 << 20;
/** Bytes of a line: ours have some hundreds. */
const longestLine = 16 * 2 ** 20;

/** Reads the lines that a file has grown by. */
export class LineReader {
  readonly #folder: ViewedFolder;
  readonly #name: string;
  #offset = 0;
  /** The start of a line whose end has not been written. */
  #rest = Buffer.alloc(0);

  constructor(folder: ViewedFolder, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  /** Begins again at the file's start. */
  reset(): void {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
  }

  /**
   * Hands every new whole line on, in order. Other work gets its turn between chunks of them.
   * @param onCut is called first where the file has lost what was read of it, and is read from its start again
   */
  async read(take: (line: string) => void, onCut: () => void): Promise<void> {
    const file = await this.#folder.open(this.#name);
    if (!file) return;
    try {
      const { size } = await file.stat();
      if (size < this.#offset) {
        this.reset();
        onCut();
      }
      while (this.#offset < size) await this.#readChunk(file, Math.min(chunkBytes, size - this.#offset), take);
    } finally {
      await file.close();
    }
  }

  async #readChunk(file: FileHandle, length: number, take: (line: string) => void): Promise<void> {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, this.#offset);
    // It was cut while it was read; the next time will see that.
    if (bytesRead === 0) throw new RangeError(`${this.#name} became shorter while it was read`);
    this.#offset += bytesRead;
    const bytes = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#rest = bytes.subarray(end);
    if (this.#rest.length > longestLine) throw new DataError(`${this.#name}: expected lines of at most ${longestLine} bytes`);
    for (const line of bytes.toString('utf8', 0, end).split('\n')) if (line !== '') take(line);
  }
}
