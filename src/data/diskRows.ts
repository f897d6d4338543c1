import { readSync } from 'node:fs';
import { endianness } from 'node:os';
import type { Preparation } from '../shared/config/dataSchema.js';
import { DataError } from '../shared/errors.js';
import { dtypes } from './dtype.js';
import { type ArrayHeader, sizeOf } from './header.js';
import { type RowBuffer, rowBuffer } from './rows.js';

/** Rows of an array that stay in their file. */
export interface DiskRows {
  pieces(from: number, to: number, pieceBytes: number): Iterable<Uint8Array>;
  buffer(capacity: number, preparation?: Preparation): RowBuffer;
}

/** Bytes between two rows that are read along with them: a read costs about as much as this. */
const smallGap = 2 ** 14;
/** Bytes of one read. */
const longestRead = 2 ** 20;

/**
 * Reads rows by their place in a file: those that are asked for together in the order of the file, and neighbours at once.
 * @param file stays open
 * @param valuesAt where the first row begins, in bytes
 */
export function diskRows(file: number, valuesAt: number, { shape, dtype, byteOrder }: ArrayHeader): DiskRows {
  const { bytes: valueBytes, view } = dtypes[dtype];
  const width = sizeOf(shape.slice(1));
  const rowBytes = width * valueBytes;
  const isSwapped = byteOrder !== endianness();
  const readAt = (bytes: Uint8Array, row: number): void => {
    let filled = 0;
    while (filled < bytes.length) {
      const read = readSync(file, bytes, filled, bytes.length - filled, valuesAt + row * rowBytes + filled);
      if (read === 0) throw new DataError(`a file of data became shorter while it was read: row ${row} is not there any more`);
      filled += read;
    }
  };
  return {
    *pieces(from, to, pieceBytes) {
      const rows = Math.max(1, Math.floor(pieceBytes / rowBytes));
      const scratch = Buffer.allocUnsafe(Math.min(rows, to - from) * rowBytes);
      for (let row = from; row < to; row += rows) {
        const piece = scratch.subarray(0, Math.min(rows, to - row) * rowBytes);
        readAt(piece, row);
        if (isSwapped) swapBytes(piece, valueBytes);
        yield piece;
      }
    },
    buffer(capacity, preparation) {
      const gathered = Buffer.from(new ArrayBuffer(capacity * rowBytes));
      const inner = rowBuffer(view(gathered.buffer), width, capacity, preparation);
      const scratch = Buffer.allocUnsafe(Math.max(longestRead, rowBytes));
      const wanted: { readonly place: number; readonly row: number }[] = [];
      return {
        values: inner.values,
        load: (place, row) => wanted.push({ place, row }),
        finish(count) {
          wanted.sort((a, b) => a.row - b.row);
          for (let i = 0; i < wanted.length; ) {
            const first = wanted[i]?.row ?? 0;
            let end = i;
            let last = first;
            for (let next = wanted[end]; next && isNear(last, next.row, first, rowBytes); next = wanted[++end]) last = next.row;
            const read = scratch.subarray(0, (last - first + 1) * rowBytes);
            readAt(read, first);
            for (const { place, row } of wanted.slice(i, end))
              read.copy(gathered, place * rowBytes, (row - first) * rowBytes, (row - first + 1) * rowBytes);
            i = end;
          }
          wanted.length = 0;
          if (isSwapped) swapBytes(gathered.subarray(0, count * rowBytes), valueBytes);
          for (let place = 0; place < count; place++) inner.load(place, place);
          inner.finish(count);
        },
      };
    },
  };
}

/** Is a row read along with those from `first` to `last`? */
function isNear(last: number, row: number, first: number, rowBytes: number): boolean {
  return row === first || ((row - last - 1) * rowBytes <= smallGap && (row - first + 1) * rowBytes <= longestRead);
}

export function swapBytes(bytes: Buffer, valueBytes: number): void {
  if (valueBytes === 2) bytes.swap16();
  if (valueBytes === 4) bytes.swap32();
  if (valueBytes === 8) bytes.swap64();
}
