import { readFileSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { isSameVersion, tellsChanges, type Version } from './source.js';

/** Bytes that are asked for at a time. */
export const blockSize = 8 * 2 ** 20;

/**
 * A file of which some blocks are there: NAME.partial, and NAME.blocks, which says of what version, and, a line a block, which.
 * A block is on the disk before its line is.
 */
export class PartialFile {
  readonly path: string;
  readonly #record: string;
  readonly #file: FileHandle;
  readonly #there: Set<number>;

  private constructor(name: string, file: FileHandle, there: Set<number>) {
    this.path = `${name}.partial`;
    this.#record = `${name}.blocks`;
    this.#file = file;
    this.#there = there;
  }

  /** Goes on with what is there of that version, else begins anew. */
  static async open(name: string, version: Version): Promise<PartialFile> {
    const there = readRecord(name, version);
    const file = await open(`${name}.partial`, there ? 'r+' : 'w');
    if (!there) await writeFile(`${name}.blocks`, `${JSON.stringify(version)}\n`);
    return new PartialFile(name, file, there ?? new Set());
  }

  get blocks(): number {
    return this.#there.size;
  }

  has(block: number): boolean {
    return this.#there.has(block);
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  }

  /** Notes that a block has been written. */
  async add(block: number): Promise<void> {
    await this.#file.datasync();
    await writeFile(this.#record, `${block}\n`, { flag: 'a' });
    this.#there.add(block);
  }

  /** What comes as a whole begins at its beginning, and has no blocks. */
  async restart(): Promise<void> {
    this.#there.clear();
    rmSync(this.#record, { force: true });
    await this.#file.truncate(0);
  }

  async finish(): Promise<void> {
    await this.#file.sync();
    await this.close();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Undefined where nothing is there of that version. */
function readRecord(name: string, version: Version): Set<number> | undefined {
  try {
    statSync(`${name}.partial`);
    const lines = readFileSync(`${name}.blocks`, 'utf8').split('\n');
    // The last line may have been cut off.
    const [of = '', ...blocks] = lines.slice(0, -1);
    return tellsChanges(version) && isSameVersion(JSON.parse(of), version) ? new Set(blocks.map(Number)) : undefined;
  } catch {
    return undefined;
  }
}
