import { constants } from 'node:buffer';
import { closeSync, fstatSync, openSync, realpathSync } from 'node:fs';
import { endianness } from 'node:os';
import type { Preparation } from '../../shared/config/dataSchema.js';
import { fileSize, isGzip, readFully, unreadable } from '../../shared/files/readFile.js';
import { gotWebPage, isWebPage } from '../../shared/files/webPage.js';
import { sizeOf } from '../../shared/model/shape.js';
import { blockSizeFor } from '../../shared/numbers/random/sampleOrder.js';
import { preferLargePages } from '../../shared/system/largePages.js';
import { DataError } from '../../shared/text/errors.js';
import type { ArrayHeader } from './arrayHeader.js';
import { type DiskRows, diskRows, swapBytes } from './diskRows.js';
import { type Dtype, dtypes } from './dtype.js';
import { firstNotFinite, notFinite } from './finite.js';
import { isIdx, readIdxHeader } from './idx.js';
import { isNpy, longestHeader, readNpyHeader } from './npy.js';
import { exactBuffer, type RowBuffer, type RowReader, rowBuffer, rowReader } from './rows.js';

/** Where an array stands: a file of its own, or a part of a file, as in an archive that is not compressed. */
export type ArraySource = string | { readonly path: string; readonly at: number; readonly bytes: number; readonly name: string };

/** An array in a file. Its values have the file's own number type. */
export interface ArrayFile {
  readonly path: string;
  /** [samples, ...sample shape]; no dimension is zero. */
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly isInteger: boolean;
  /** Values a sample. */
  readonly rowWidth: number;
  /** Bytes of a sample's values, and of all values. */
  readonly rowBytes: number;
  readonly size: number;
  /** Is it in memory, or read row by row? */
  readonly isInMemory: boolean;
  /** Of one that is not: what tells that its file is as it was, without reading it. */
  readonly stamp: string | undefined;
  /** Of one that is not: has its file been written to since it was opened? */
  readonly isChanged: (() => boolean) | undefined;
  /** The bytes of rows [from, to), piece by piece, in this machine's byte order. A piece is whole rows, and good until the next one. */
  pieces(from: number, to: number): Iterable<Uint8Array>;
  /** Reads rows as float32. */
  readonly rows: RowReader;
  /** Reads up to `capacity` rows at once, prepared if that is given. */
  buffer(capacity: number, preparation?: Preparation): RowBuffer;
  /**
   * Refuses values that are no finite float32 numbers; of an array that is read row by row, rows are looked at as they are read.
   * @throws DataError with row and column, counted from 0
   */
  checkFinite(isNanFilled: boolean): void;
  /** The same as float64, as they stand in the file. */
  exact(capacity: number): RowBuffer<Float64Array>;
}

/** Bytes of a piece. */
const pieceBytes = 2 ** 24;

/**
 * Opens a file of numbers, IDX or .npy: which of them is told from its bytes, not its name.
 * @param memory an array of more bytes is not loaded, but read row by row
 * @param inBlocks its rows are wanted in the order `blocks`
 * @throws DataError naming the file: it cannot be read, is of another format, damaged, or has no samples
 */
export function openArray(source: ArraySource, memory = Number.POSITIVE_INFINITY, inBlocks = false): ArrayFile {
  const { path, at, size, name } =
    typeof source === 'string' ? { path: source, at: 0, size: fileSize(source), name: source } : { ...source, size: source.bytes };
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const header = readHeader(name, readBytes(file, at, Math.min(size, longestHeader)));
    const bytes = size - header.valuesAt;
    checkSize(name, header, size, bytes <= memory);
    const valuesAt = at + header.valuesAt;
    if (bytes > memory) {
      const open = file;
      // It stays open as long as its rows may be read: to the end of the process.
      file = undefined;
      const { dev, ino, size: whole, mtimeMs } = fstatSync(open);
      const stamp = JSON.stringify([realpathSync(path), dev, ino, whole, mtimeMs, valuesAt]);
      return arrayOnDisk(
        name,
        header,
        stamp,
        () => {
          const { size, mtimeMs: now } = fstatSync(open);
          return size !== whole || now !== mtimeMs;
        },
        diskRows(name, open, valuesAt, header, inBlocks ? blockSizeFor(sizeOf(header.shape.slice(1))) : undefined),
      );
    }
    const values = readBytes(file, valuesAt, bytes);
    if (values.length < bytes) throw new DataError(`${name}: became shorter while it was read`);
    return arrayInMemory(name, header, values);
  } catch (error) {
    throw unreadable(name, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function described(path: string, { shape, dtype }: ArrayHeader) {
  const { bytes, isInteger } = dtypes[dtype];
  const rowWidth = sizeOf(shape.slice(1));
  return { path, shape, dtype, isInteger, rowWidth, rowBytes: rowWidth * bytes, size: sizeOf(shape) * bytes };
}

function arrayInMemory(path: string, header: ArrayHeader, bytes: Buffer<ArrayBuffer>): ArrayFile {
  const { bytes: valueBytes, view } = dtypes[header.dtype];
  if (header.byteOrder !== endianness()) swapBytes(bytes, valueBytes);
  const values = view(bytes.buffer);
  const description = described(path, header);
  const { rowWidth, rowBytes } = description;
  return {
    ...description,
    isInMemory: true,
    stamp: undefined,
    isChanged: undefined,
    *pieces(from, to) {
      const rows = Math.max(1, Math.floor(pieceBytes / rowBytes));
      for (let row = from; row < to; row += rows) yield bytes.subarray(row * rowBytes, Math.min(row + rows, to) * rowBytes);
    },
    rows: rowReader(values, rowWidth),
    buffer: (capacity, preparation) => rowBuffer(values, rowWidth, capacity, preparation),
    exact: (capacity) => exactBuffer(values, rowWidth, capacity),
    checkFinite(isNanFilled) {
      const at = firstNotFinite(values, isNanFilled);
      if (at !== undefined) throw notFinite(description, at, Number(values[at]));
    },
  };
}

function arrayOnDisk(path: string, header: ArrayHeader, stamp: string, isChanged: () => boolean, disk: DiskRows): ArrayFile {
  return {
    ...described(path, header),
    isInMemory: false,
    stamp,
    isChanged,
    pieces: (from, to) => disk.pieces(from, to, pieceBytes),
    rows: disk.rows,
    buffer: disk.buffer,
    exact: disk.exact,
    checkFinite: () => undefined,
  };
}

function readHeader(path: string, head: Buffer): ArrayHeader {
  if (isNpy(head)) return readNpyHeader(path, head);
  if (isIdx(head)) return readIdxHeader(path, head);
  throw new DataError(`${path}: expected an IDX or .npy file, ${otherFormat(head)}`);
}

function otherFormat(head: Buffer): string {
  if (head.length === 0) return 'got an empty one';
  if (isGzip(head)) return 'got a gzip archive: unpack it first (gunzip)';
  if (head.toString('latin1', 0, 4) === 'PK\x03\x04') return 'got a zip archive or .npz: unpack it first, or save one array with np.save';
  if (isWebPage(head)) return gotWebPage;
  if (head[0] === 0x80) return 'got what looks like a Python pickle, which is never loaded: save it with np.save';
  return `got one that begins with the bytes ${head.toString('hex', 0, 4).replace(/..(?=.)/g, '$& ')}: save it with np.save`;
}

function checkSize(path: string, { shape, dtype, valuesAt }: ArrayHeader, size: number, isLoaded: boolean): void {
  const what = `${dtype} [${shape.join(', ')}]`;
  if (shape[0] === 0) throw new DataError(`${path}: has no samples: its shape is [${shape.join(', ')}]`);
  const expected = sizeOf(shape) * dtypes[dtype].bytes;
  if (expected === 0) throw new DataError(`${path}: its samples have no values: its shape is [${shape.join(', ')}]`);
  const got = size - valuesAt;
  if (got < expected) throw new DataError(`${path}: is too short for ${what}: expected ${expected} bytes of values, got ${got}`);
  if (got > expected) throw new DataError(`${path}: is too long for ${what}: expected ${expected} bytes of values, got ${got}`);
  if (isLoaded && got > constants.MAX_LENGTH)
    throw new DataError(`${path}: ${got} bytes are more than one Node.js buffer holds (${constants.MAX_LENGTH})`);
}

/** `length` bytes in a buffer of their own, aligned for any number type; fewer if the file ends before. */
function readBytes(file: number, at: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  // Samples are read from all over it.
  preferLargePages(bytes);
  return bytes.subarray(0, readFully(bytes, file, at));
}
