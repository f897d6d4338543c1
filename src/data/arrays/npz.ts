import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import crc from 'crc-32';
import type { Entry, ZipFile } from 'yauzl';
import { fileSize } from '../../shared/files/readFile.js';
import { unpackedStream, withZip } from '../../shared/files/zip.js';
import { sizeOf } from '../../shared/model/shape.js';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import { keptFile } from '../cache/keptFile.js';
import type { CachePlace } from '../cache/place.js';
import type { ArraySource } from './arrayFile.js';
import { bytesOfType, isNpy, longestHeader, storedNpyHeader } from './npy.js';

/**
 * Where the array is that FILE.npz#NAME names: in the archive itself, as np.savez leaves it, or, of one that is compressed, in
 * a copy that is unpacked once. Any other path names a file of its own. Nothing in an archive is ever evaluated or unpickled.
 * @throws DataError naming what cannot be read
 */
export async function npzArray(path: string, place: CachePlace): Promise<ArraySource> {
  const match = /^(.*\.npz)(?:#(.*))?$/is.exec(path);
  if (!match) return path;
  const [, file = '', name] = match;
  fileSize(file);
  return withZip(file, '.npz', async (zip, entries) => {
    const names = entries.map(({ fileName }) => fileName.replace(/\.npy$/, ''));
    const entry = entries[name === undefined && entries.length === 1 ? 0 : names.indexOf(name ?? '')];
    if (!entry) {
      throw new DataError(
        `${file}: expected the name of one of its arrays behind it (${names.map((one) => `${file}#${one}`).join(', ')}), got ${name ?? 'none'}`,
      );
    }
    const what = `${file}#${entry.fileName.replace(/\.npy$/, '')}`;
    await checkHeader(zip, entry, what);
    if (entry.compressionMethod !== 0) return unpacked(zip, entry, file, what, place);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry);
    return { path: file, at: fileDataStart, bytes: entry.uncompressedSize, name: what };
  });
}

/** An archive may claim to unpack to anything: it must be just the array that its header promises. */
async function checkHeader(zip: ZipFile, entry: Entry, what: string): Promise<void> {
  const head = await firstBytes(zip, entry, what);
  if (!isNpy(head))
    throw new DataError(`${what}: expected an array as np.savez writes it, got something else: nothing else in an archive is read`);
  const { shape, dtype, valuesAt } = storedNpyHeader(what, head);
  const expected = valuesAt + sizeOf(shape) * bytesOfType(dtype);
  if (entry.uncompressedSize !== expected) {
    throw new DataError(
      `${what}: expected ${expected} bytes for ${dtype} [${shape.join(', ')}], and the archive says that it unpacks to ${entry.uncompressedSize}`,
    );
  }
}

async function firstBytes(zip: ZipFile, entry: Entry, what: string): Promise<Buffer> {
  const stream = await unpackedStream(zip, entry, what);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= longestHeader) break;
    }
  } catch (error) {
    throw new DataError(`${what}: is damaged: ${errorMessage(error)}`);
  }
  return Buffer.concat(chunks).subarray(0, longestHeader);
}

function unpacked(zip: ZipFile, entry: Entry, file: string, what: string, place: CachePlace): Promise<string> {
  const write = async (temporary: string): Promise<void> =>
    pipeline(await unpackedStream(zip, entry, what), checked(entry), createWriteStream(temporary));
  const { fileName: part, uncompressedSize: bytes } = entry;
  return keptFile({ source: file, part, bytes, what, because: 'is compressed: unpacking it', write }, place);
}

/** Passes bytes on, and fails at their end where their checksum is not the archive's. */
function checked({ crc32: expected }: Entry): Transform {
  let sum = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      sum = crc.buf(chunk, sum);
      done(null, chunk);
    },
    flush(done) {
      done(sum >>> 0 === expected >>> 0 ? null : new Error('its checksum does not fit: it is damaged'));
    },
  });
}
