import { constants } from 'node:buffer';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { endianness } from 'node:os';
import { DataError, errorCode, errorMessage } from '../shared/errors.js';
import { preferLargePages } from '../shared/memory/largePages.js';
import { type Dtype, dtypes } from './dtype.js';
import { type ArrayHeader, sizeOf } from './header.js';
import { isIdx, readIdxHeader } from './idx.js';
import { isNpy, longestHeader, readNpyHeader } from './npy.js';
import { type RowBuffer, type RowReader, rowBuffer, rowReader } from './rows.js';

/** An array read from a file. Its values stay in memory in the file's own number type. */
export interface ArrayFile {
  readonly path: string;
  /** [samples, ...sample shape]; no dimension is zero. */
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly isInteger: boolean;
  /** Values a sample. */
  readonly rowWidth: number;
  /** The values, in this machine's byte order. */
  readonly bytes: Uint8Array;
  /** Reads rows as float32. */
  readonly rows: RowReader;
  /** Reads up to `capacity` rows at once, divided by `divide` if given. */
  buffer(capacity: number, divide?: number): RowBuffer;
}

/**
 * Opens a file of numbers, IDX or .npy: which of them is told from its bytes, not its name.
 * @throws DataError naming the file: it cannot be read, is of another format, damaged, or has no samples
 */
export function openArray(path: string): ArrayFile {
  const size = fileSize(path);
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const header = readHeader(path, readBytes(file, 0, Math.min(size, longestHeader)));
    checkSize(path, header, size);
    const bytes = readBytes(file, header.valuesAt, size - header.valuesAt);
    if (bytes.length < size - header.valuesAt) throw new DataError(`${path}: became shorter while it was read`);
    return arrayFile(path, header, bytes);
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function arrayFile(path: string, { shape, dtype, byteOrder }: ArrayHeader, bytes: Buffer<ArrayBuffer>): ArrayFile {
  const { bytes: valueBytes, isInteger, view } = dtypes[dtype];
  if (byteOrder !== endianness()) swap(bytes, valueBytes);
  const values = view(bytes.buffer);
  const rowWidth = sizeOf(shape.slice(1));
  return {
    ...{ path, shape, dtype, isInteger, rowWidth, bytes },
    rows: rowReader(values, rowWidth),
    buffer: (capacity, divide) => rowBuffer(values, rowWidth, capacity, divide),
  };
}

function readHeader(path: string, head: Buffer): ArrayHeader {
  if (isNpy(head)) return readNpyHeader(path, head);
  if (isIdx(head)) return readIdxHeader(path, head);
  throw new DataError(`${path}: expected an IDX or .npy file, ${otherFormat(head)}`);
}

function otherFormat(head: Buffer): string {
  if (head.length === 0) return 'got an empty one';
  if (head[0] === 0x1f && head[1] === 0x8b) return 'got a gzip archive: unpack it first (gunzip)';
  if (head.toString('latin1', 0, 4) === 'PK\x03\x04') return 'got a zip archive or .npz: unpack it first, or save one array with np.save';
  if (head[0] === 0x80) return 'got what looks like a Python pickle, which is never loaded: save it with np.save';
  return `got one that begins with the bytes ${head.toString('hex', 0, 4).replace(/..(?=.)/g, '$& ')}: save it with np.save`;
}

function checkSize(path: string, { shape, dtype, valuesAt }: ArrayHeader, size: number): void {
  const what = `${dtype} [${shape.join(', ')}]`;
  if (shape[0] === 0) throw new DataError(`${path}: has no samples: its shape is [${shape.join(', ')}]`);
  const expected = sizeOf(shape) * dtypes[dtype].bytes;
  if (expected === 0) throw new DataError(`${path}: its samples have no values: its shape is [${shape.join(', ')}]`);
  const got = size - valuesAt;
  if (got < expected) throw new DataError(`${path}: is too short for ${what}: expected ${expected} bytes of values, got ${got}`);
  if (got > expected) throw new DataError(`${path}: is too long for ${what}: expected ${expected} bytes of values, got ${got}`);
  if (got > constants.MAX_LENGTH)
    throw new DataError(`${path}: ${got} bytes are more than one Node.js buffer holds (${constants.MAX_LENGTH})`);
}

/** Size in bytes. Asked before opening: opening a pipe would wait for its writer. */
function fileSize(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new DataError(`${path}: expected a file, got a directory`);
    if (!stat.isFile()) throw new DataError(`${path}: expected a regular file, got a pipe, socket or device`);
    return stat.size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** `length` bytes in a buffer of their own, aligned for any number type; fewer if the file ends before. */
function readBytes(file: number, at: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  // Samples are read from all over it.
  preferLargePages(bytes);
  let filled = 0;
  while (filled < length) {
    // One read takes at most 2^31 - 1 bytes.
    const read = readSync(file, bytes, filled, Math.min(length - filled, 2 ** 30), at + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

function swap(bytes: Buffer, valueBytes: number): void {
  if (valueBytes === 2) bytes.swap16();
  if (valueBytes === 4) bytes.swap32();
  if (valueBytes === 8) bytes.swap64();
}

function unreadable(path: string, error: unknown): Error {
  if (error instanceof DataError) return error;
  switch (errorCode(error)) {
    case 'ENOENT':
      return new DataError(`${path}: no such file`);
    case 'EACCES':
    case 'EPERM':
      return new DataError(`${path}: no permission to read it`);
    default:
      return new DataError(`${path}: cannot be read: ${errorMessage(error)}`);
  }
}
