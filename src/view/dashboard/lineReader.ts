import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from '../../shared/errors.js';

const chunkBytes = 1 << 20;

/** Reads the lines that a file has grown by. */
export class LineReader {
  readonly #path: string;
  #offset = 0;
  /** The start of a line whose end has not been written. */
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** Begins again at the file's start. */
  reset(): void {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
  }

  /** Has the file lost what was read of it? */
  async isCut(): Promise<boolean> {
    const file = await openIfThere(this.#path);
    if (!file) return this.#offset > 0;
    try {
      return (await file.stat()).size < this.#offset;
    } finally {
      await file.close();
    }
  }

  /** Hands every new whole line on, in order. Other work gets its turn between chunks of them. */
  async read(take: (line: string) => void): Promise<void> {
    const file = await openIfThere(this.#path);
    if (!file) return;
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, this.#offset);
        if (bytesRead === 0) return;
        this.#offset += bytesRead;
        const bytes = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
        const end = bytes.lastIndexOf(0x0a) + 1;
        this.#rest = bytes.subarray(end);
        for (const line of bytes.toString('utf8', 0, end).split('\n')) if (line !== '') take(line);
      }
    } finally {
      await file.close();
    }
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
