import type { Readable } from 'node:stream';
import { DataError } from '../../shared/text/errors.js';

/** What tells that a file is another one, without reading it; undefined where its server does not say. */
export interface Version {
  /** Bytes. */
  readonly size: number | undefined;
  readonly etag: string | undefined;
  readonly modified: string | undefined;
}

/** Bytes of a file that are on their way. */
export interface Answer {
  readonly version: Version;
  /** Are they those that were asked for, or the whole file, from a server that sends nothing else? */
  readonly isPart: boolean;
  readonly body: Readable;
}

/** A file on a server. Whatever it cannot do is a DataError; Unreachable where it may be possible later. */
export interface Source {
  version(signal: AbortSignal): Promise<Version>;
  /**
   * Asks for the bytes from `from` to before `to`, or, where that is undefined, for the whole file.
   * @throws Changed where it is another version
   */
  read(expected: Version, from: number, to: number | undefined, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

/** A server cannot be reached, or cannot answer now. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  /** @param askAfter seconds after which the server wants to be asked again */
  constructor(
    message: string,
    readonly askAfter = 0,
  ) {
    super(message);
  }
}

/** A server does not let whoever asks read the file: any more, where an address was signed for a while. */
export class NotPermitted extends DataError {
  /** @param answer status of the server, such as `403 Forbidden` */
  constructor(
    message: string,
    readonly answer: string,
  ) {
    super(message);
  }
}

/** A file is no longer the one that was begun with. */
export class Changed extends Error {
  override readonly name = 'Changed';
}

/**
 * What both versions say is compared: the ETag, which says the most, else the time. Where one of them says either, a size
 * alone proves nothing.
 */
export function isSameVersion(one: Version, other: Version): boolean {
  if (one.size !== undefined && other.size !== undefined && one.size !== other.size) return false;
  if (one.etag !== undefined && other.etag !== undefined) return plain(one.etag) === plain(other.etag);
  if (one.modified !== undefined && other.modified !== undefined) return one.modified === other.modified;
  return !tellsChanges(one) && !tellsChanges(other);
}

/** Would another version show, even one of the same size? */
export function tellsChanges({ etag, modified }: Version): boolean {
  return etag !== undefined || modified !== undefined;
}

/** A proxy that packs files on their way says W/ of the same ETag. */
function plain(etag: string): string {
  return etag.replace(/^W\//, '');
}
