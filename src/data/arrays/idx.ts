import { DataError } from '../../shared/text/errors.js';
import type { ArrayHeader } from './arrayHeader.js';
import type { Dtype } from './dtype.js';

/** Third byte of the magic number. Source: http://yann.lecun.com/exdb/mnist/, "the IDX file format". */
const types: ReadonlyMap<number, Dtype> = new Map([
  [0x08, 'uint8'],
  [0x09, 'int8'],
  [0x0b, 'int16'],
  [0x0c, 'int32'],
  [0x0d, 'float32'],
  [0x0e, 'float64'],
]);

/** Do a file's first bytes claim to be IDX? They are two zeros, a type and a rank. */
export function isIdx(head: Buffer): boolean {
  return head.length >= 2 && head[0] === 0 && head[1] === 0;
}

/**
 * Reads the header of an IDX file: magic number, then one big-endian uint32 a dimension.
 * @param path only for messages
 * @param head the file's first bytes, the whole header among them if the file has it
 * @throws DataError for an unknown type, rank 0, or a header cut short
 */
export function readIdxHeader(path: string, head: Buffer): ArrayHeader {
  const [, , type, rank] = head;
  if (type === undefined || rank === undefined) {
    throw new DataError(`${path}: its IDX header is cut short: expected at least 4 bytes, got ${head.length}`);
  }
  const dtype = types.get(type);
  if (dtype === undefined) throw new DataError(`${path}: expected an IDX type of ${known()}, got ${hex(type)}`);
  if (rank === 0) throw new DataError(`${path}: expected an IDX array of one dimension or more, got rank 0`);
  const valuesAt = 4 + 4 * rank;
  if (head.length < valuesAt) {
    throw new DataError(`${path}: its IDX header is cut short: expected ${valuesAt} bytes for rank ${rank}, got ${head.length}`);
  }
  const shape = Array.from({ length: rank }, (_, dimension) => head.readUInt32BE(4 + 4 * dimension));
  return { shape, dtype, byteOrder: 'BE', valuesAt };
}

function known(): string {
  return [...types].map(([type, dtype]) => `${hex(type)} (${dtype})`).join(', ');
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}
