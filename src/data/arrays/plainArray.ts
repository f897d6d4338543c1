import { closeSync, createReadStream, createWriteStream, openSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { fileSize, firstBytes, isGzip, readFully } from '../../shared/files/readFile.js';
import { sizeOf } from '../../shared/model/shape.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { keptFile } from '../cache/keptFile.js';
import type { CachePlace } from '../cache/place.js';
import type { ArraySource } from './arrayFile.js';
import { swapBytes } from './diskRows.js';
import { bytesOfType, descrOf, isNpy, longestHeader, type StoredHeader, storedNpyHeader } from './npy.js';
import { npyHeader } from './npyWrite.js';
import { npzArray } from './npz.js';

/**
 * Where an array can be read row by row: where it stands, or in a copy that is made once, of one that is packed with gzip
 * (whatever its name), in Fortran order, or of float16.
 * @throws DataError naming what cannot be read
 */
export async function plainArray(path: string, place: CachePlace): Promise<ArraySource> {
  const source = await npzArray(path, place);
  const found = typeof source === 'string' ? { path: source, at: 0, bytes: fileSize(source), name: source } : source;
  const head = headOf(found);
  if (isGzip(head)) return plainAgain(await gunzipped(found, place), found.name, place);
  return inRows(found, head, source, place);
}

type Found = Exclude<ArraySource, string>;

async function plainAgain(path: string, name: string, place: CachePlace): Promise<ArraySource> {
  const found = { path, at: 0, bytes: fileSize(path), name };
  return inRows(found, headOf(found), found, place);
}

function headOf({ path, at, bytes }: Found): Buffer {
  if (at === 0) return firstBytes(path, Math.min(bytes, longestHeader));
  return bytesAt(path, at, Math.min(bytes, longestHeader));
}

/** The checksum at the end of a gzip file is looked at before anything is made of it. */
function gunzipped({ path, name }: Found, place: CachePlace): Promise<string> {
  const write = async (temporary: string): Promise<void> => {
    try {
      await pipeline(createReadStream(path), createGunzip(), createWriteStream(temporary));
    } catch (error) {
      throw new DataError(`${name}: cannot be unpacked, it is damaged or cut short: ${errorMessage(error)}`);
    }
  };
  // The last bytes tell the size, of one below 4 GiB.
  const size = fileSize(path);
  const bytes = size < 18 ? 0 : bytesAt(path, size - 4, 4).readUInt32LE(0);
  return keptFile({ source: path, part: 'gzip', bytes, what: name, because: 'is a gzip archive: unpacking it', write }, place);
}

async function inRows(found: Found, head: Buffer, asItIs: ArraySource, place: CachePlace): Promise<ArraySource> {
  if (!isNpy(head)) return asItIs;
  const header = storedNpyHeader(found.name, head);
  if (!header.isFortran && header.dtype !== 'float16') return asItIs;
  const bytes = sizeOf(header.shape) * (header.dtype === 'float16' ? 4 : bytesOfType(header.dtype));
  const path = await keptFile(
    {
      ...{ source: found.path, part: `rows ${found.at}`, bytes, what: found.name },
      because: `has ${header.isFortran ? 'its values in Fortran order' : 'values of float16'}: writing them row by row`,
      write: (temporary) => writeRows(found, header, temporary),
    },
    place,
  );
  return { path, at: 0, bytes: fileSize(path), name: found.name };
}

function writeRows({ path, at, bytes, name }: Found, header: StoredHeader, into: string): void {
  const { shape, dtype, byteOrder, valuesAt, isFortran } = header;
  const size = bytesOfType(dtype);
  const expected = sizeOf(shape) * size;
  if (bytes - valuesAt !== expected)
    throw new DataError(`${name}: expected ${expected} bytes of values, of ${dtype} [${shape.join(', ')}], got ${bytes - valuesAt}`);
  const stored = bytesAt(path, at + valuesAt, expected);
  if (byteOrder === 'BE') swapBytes(stored, size);
  const rows = isFortran ? inCOrder(stored, shape, size) : stored;
  const values = dtype === 'float16' ? fromHalves(rows) : rows;
  writeFileSync(into, Buffer.concat([npyHeader(dtype === 'float16' ? '<f4' : descrOf(dtype), shape), values]));
}

function bytesAt(path: string, at: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow(length);
    return bytes.subarray(0, readFully(bytes, file, at));
  } finally {
    closeSync(file);
  }
}

/** Values whose first dimension goes fastest, as values whose last one does. @param size bytes of a value */
function inCOrder(values: Buffer, shape: readonly number[], size: number): Buffer {
  const result = Buffer.allocUnsafe(values.length);
  const strides = shape.map((_, i) => sizeOf(shape.slice(0, i)));
  const place = shape.map(() => 0);
  for (let to = 0, from = 0; to < values.length; to += size) {
    values.copy(result, to, from * size, (from + 1) * size);
    for (let i = shape.length - 1; i >= 0; i--) {
      from += strides[i] ?? 0;
      place[i] = (place[i] ?? 0) + 1;
      if ((place[i] ?? 0) < (shape[i] ?? 0)) break;
      from -= (strides[i] ?? 0) * (shape[i] ?? 0);
      place[i] = 0;
    }
  }
  return result;
}

/** Numbers of 16 bits (IEEE 754, little-endian) as float32, which has all of them. */
export function fromHalves(halves: Buffer): Buffer {
  const result = Buffer.allocUnsafe(halves.length * 2);
  for (let i = 0; i < halves.length / 2; i++) result.writeFloatLE(halfOf(halves.readUInt16LE(i * 2)), i * 4);
  return result;
}

function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
