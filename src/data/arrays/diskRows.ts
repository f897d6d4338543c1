import { endianness } from 'node:os';
import type { Preparation } from '../../shared/config/dataSchema.js';
import { readFully } from '../../shared/files/readFile.js';
import { sizeOf } from '../../shared/model/shape.js';
import { DataError } from '../../shared/text/errors.js';
import type { ArrayHeader } from './arrayHeader.js';
import { dtypes, type Elements } from './dtype.js';
import { firstNotFinite, notFinite } from './finite.js';
import { exactBuffer, type RowBuffer, type RowReader, rowBuffer } from './rows.js';

/** Rows of an array that stay in their file. */
export interface DiskRows {
  pieces(from: number, to: number, pieceBytes: number): Iterable<Uint8Array>;
  buffer(capacity: number, preparation?: Preparation): RowBuffer;
  /** Rows as they stand in the file. */
  exact(capacity: number): RowBuffer<Float64Array>;
  /** Reads rows one by one. */
  readonly rows: RowReader;
}

/** Bytes between two rows that are read along with them: a read costs about as much as this. */
const smallGap = 2 ** 14;
/** Blocks that are kept: those of which samples are mixed, and those that the next ones begin with. */
const keptBlocks = 20;
/** Bytes of one read. */
const longestRead = 2 ** 20;

/**
 * Reads rows by their place in a file: those that are asked for together in the order of the file, and neighbours at once.
 * @param path for messages
 * @param file stays open
 * @param valuesAt where the first row begins, in bytes
 * @param blockRows rows of the blocks that samples come from, a few at a time; undefined where they come from anywhere
 */
export function diskRows(
  path: string,
  file: number,
  valuesAt: number,
  { shape, dtype, byteOrder }: ArrayHeader,
  blockRows: number | undefined,
): DiskRows {
  const { bytes: valueBytes, view, isInteger } = dtypes[dtype];
  const width = sizeOf(shape.slice(1));
  const rowBytes = width * valueBytes;
  const isSwapped = byteOrder !== endianness();
  const readAt = (bytes: Uint8Array, row: number): void => {
    if (readFully(bytes, file, valuesAt + row * rowBytes) < bytes.length)
      throw new DataError(`${path}: became shorter while it was read: row ${row} is not there any more`);
  };
  const blocks = blockRows === undefined ? undefined : new Blocks(readAt, rowBytes, blockRows, shape[0] ?? 0);
  const gather = <V>(capacity: number, bufferOf: (values: Elements) => RowBuffer<V>): RowBuffer<V> => {
    const gathered = Buffer.from(new ArrayBuffer(capacity * rowBytes));
    const inner = bufferOf(view(gathered.buffer));
    const wanted: Wanted[] = [];
    const read = blocks ? blocks.read : neighbours(readAt, rowBytes);
    return {
      values: inner.values,
      load: (place, row) => wanted.push({ place, row }),
      finish(count) {
        wanted.sort((a, b) => a.row - b.row);
        read(wanted, gathered);
        wanted.length = 0;
        if (isSwapped) swapBytes(gathered.subarray(0, count * rowBytes), valueBytes);
        for (let place = 0; place < count; place++) inner.load(place, place);
        inner.finish(count);
      },
    };
  };
  const buffer: DiskRows['buffer'] = (capacity, preparation) => {
    const rows = new Int32Array(capacity);
    const inner = gather(capacity, (values) => rowBuffer(values, width, capacity, preparation));
    return {
      values: inner.values,
      load(place, row) {
        rows[place] = row;
        inner.load(place, row);
      },
      finish(count) {
        inner.finish(count);
        if (isInteger) return;
        const at = firstNotFinite(inner.values.subarray(0, count * width));
        if (at !== undefined)
          throw notFinite({ path, rowWidth: width }, (rows[Math.floor(at / width)] ?? 0) * width + (at % width), inner.values[at] ?? 0);
      },
    };
  };
  let one: RowBuffer | undefined;
  return {
    buffer,
    exact: (capacity) => gather(capacity, (values) => exactBuffer(values, width, capacity)),
    rows(row, into, offset) {
      one ??= buffer(1);
      one.load(0, row);
      one.finish(1);
      into.set(one.values, offset);
    },
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
  };
}

/** A row, and the place that it is to have among those that are read together. */
interface Wanted {
  readonly place: number;
  readonly row: number;
}

type ReadAt = (bytes: Uint8Array, row: number) => void;

/** Reads rows, in the order of the file, into their places; those that are near each other at once. */
function neighbours(readAt: ReadAt, rowBytes: number): (wanted: readonly Wanted[], into: Buffer) => void {
  const scratch = Buffer.allocUnsafe(Math.max(longestRead, rowBytes));
  return (wanted, into) => {
    for (let i = 0; i < wanted.length; ) {
      const first = wanted[i]?.row ?? 0;
      let end = i;
      let last = first;
      for (let next = wanted[end]; next && isNear(last, next.row, first, rowBytes); next = wanted[++end]) last = next.row;
      const read = scratch.subarray(0, (last - first + 1) * rowBytes);
      readAt(read, first);
      for (const { place, row } of wanted.slice(i, end))
        read.copy(into, place * rowBytes, (row - first) * rowBytes, (row - first + 1) * rowBytes);
      i = end;
    }
  };
}

/** Blocks of rows that are kept, for orders that take their samples from a few blocks at a time. */
class Blocks {
  /** The one that was used last comes last. */
  readonly #kept = new Map<number, Buffer>();

  /** @param count rows of the array */
  constructor(
    readonly readAt: ReadAt,
    readonly rowBytes: number,
    readonly blockRows: number,
    readonly count: number,
  ) {}

  readonly read = (wanted: readonly Wanted[], into: Buffer): void => {
    const { blockRows, rowBytes } = this;
    for (const { place, row } of wanted) {
      const at = (row % blockRows) * rowBytes;
      this.#block(Math.floor(row / blockRows)).copy(into, place * rowBytes, at, at + rowBytes);
    }
  };

  #block(index: number): Buffer {
    const known = this.#kept.get(index);
    this.#kept.delete(index);
    const [oldest] = this.#kept.size >= keptBlocks ? this.#kept : [];
    if (oldest && !known) this.#kept.delete(oldest[0]);
    const first = index * this.blockRows;
    const block = known ?? oldest?.[1] ?? Buffer.allocUnsafe(this.blockRows * this.rowBytes);
    if (!known) this.readAt(block.subarray(0, Math.min(this.blockRows, this.count - first) * this.rowBytes), first);
    this.#kept.set(index, block);
    return block;
  }
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
