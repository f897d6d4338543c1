import { readFileSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../shared/files/durableFile.js';
import { shortHash } from '../../shared/files/shortHash.js';
import type { Address } from './dataAddress.js';
import { isSameVersion, tellsChanges, type Version } from './source.js';

/** What source.json says of a copy. */
interface Origin extends Version {
  /** As it may be shown. */
  readonly address: string;
  /** When it was fetched: ISO 8601. */
  readonly fetched: string;
}

/** A place for the copy of a file: FOLDER/fetched/HASH/NAME, and source.json beside it, which says of what. */
export class LocalCopy {
  readonly path: string;
  readonly folder: string;
  readonly #shown: string;

  /** @param address in full, by which copies are told apart */
  constructor(place: string, address: string, { fileName, shown }: Pick<Address, 'fileName' | 'shown'>) {
    this.folder = join(place, 'fetched', shortHash([address]));
    this.path = join(this.folder, fileName);
    this.#shown = shown;
  }

  /** Undefined where there is no whole copy. */
  get origin(): Origin | undefined {
    try {
      const origin: Origin = JSON.parse(readFileSync(join(this.folder, 'source.json'), 'utf8'));
      return statSync(this.path).size === origin.size ? origin : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Is it a whole copy of that version?
   * @param began when that was asked: of a version that nothing tells, only a copy that has come since is one
   */
  holds(version: Version, began: string): boolean {
    const { origin } = this;
    return origin !== undefined && isSameVersion(origin, version) && (tellsChanges(version) || origin.fetched >= began);
  }

  /** Puts a fetched file here. Whenever that is interrupted, source.json says of no file what is true of another one. */
  async take(file: string, version: Version): Promise<void> {
    const { size } = statSync(file);
    const origin: Origin = { address: this.#shown, ...version, size, fetched: new Date().toISOString() };
    await rm(this.path, { force: true });
    await writeDurably(join(this.folder, 'source.json'), [Buffer.from(`${JSON.stringify(origin)}\n`)]);
    await rename(file, this.path);
    await rm(`${this.path}.blocks`, { force: true });
  }
}

/** The whole copy that was fetched last. */
export function newestOf(copies: readonly LocalCopy[]): { readonly path: string; readonly fetched: string } | undefined {
  const whole = copies.flatMap(({ path, origin }) => (origin ? [{ path, fetched: origin.fetched }] : []));
  return whole.reduce<(typeof whole)[number] | undefined>((best, one) => (best && best.fetched >= one.fetched ? best : one), undefined);
}
