import { DataError } from '../../shared/text/errors.js';
import type { ArrayHeader } from './arrayHeader.js';
import { type Dtype, dtypes } from './dtype.js';

const magic = Buffer.from('\x93NUMPY', 'latin1');

/** Types that a file may hold; of float16 a copy in float32 is made before it is read. */
export type StoredDtype = Dtype | 'float16';

/** What a file says of itself, whether it can be read as it stands or not. */
export interface StoredHeader extends Omit<ArrayHeader, 'dtype'> {
  readonly dtype: StoredDtype;
  /** Do the values of a column stand together, not those of a row? */
  readonly isFortran: boolean;
}

export function bytesOfType(dtype: StoredDtype): number {
  return dtype === 'float16' ? 2 : dtypes[dtype].bytes;
}

/** The header's `descr` without its byte order. */
const types: ReadonlyMap<string, StoredDtype> = new Map([
  ['f2', 'float16'],
  ['b1', 'bool'],
  ['u1', 'uint8'],
  ['i1', 'int8'],
  ['u2', 'uint16'],
  ['i2', 'int16'],
  ['u4', 'uint32'],
  ['i4', 'int32'],
  ['u8', 'uint64'],
  ['i8', 'int64'],
  ['f4', 'float32'],
  ['f8', 'float64'],
]);

/** A type's `descr` in little-endian order. */
export function descrOf(dtype: Dtype): string {
  const [code = ''] = [...types].find(([, name]) => name === dtype) ?? [];
  return `${bytesOfType(dtype) === 1 ? '|' : '<'}${code}`;
}

/** Enough of a file for any header of version 1; NumPy itself refuses longer ones than 10,000 bytes. */
export const longestHeader = 12 + 0xffff;

export function isNpy(head: Buffer): boolean {
  return head.subarray(0, magic.length).equals(magic);
}

/**
 * Reads the header of a .npy file, versions 1 to 3, whose values can be read as they stand. Nothing in the file is ever
 * evaluated or unpickled.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @param path only for messages
 * @param head the file's first bytes, the whole header among them if the file has it
 * @throws DataError for an unknown version or type, Fortran order, float16, object arrays, a scalar, or a header cut short
 */
export function readNpyHeader(path: string, head: Buffer): ArrayHeader {
  const { isFortran, dtype, ...header } = storedNpyHeader(path, head);
  if (isFortran || dtype === 'float16') {
    throw new DataError(
      `${path}: expected values in C order and not float16, got ${isFortran ? 'Fortran order' : dtype}: save it anew with np.save(file, np.ascontiguousarray(array, 'float32'))`,
    );
  }
  return { ...header, dtype };
}

/** The same, of any order and type. @throws DataError as `readNpyHeader` */
export function storedNpyHeader(path: string, head: Buffer): StoredHeader {
  const { text, valuesAt } = headerText(path, head);
  const { dtype, byteOrder } = elementType(path, text);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  if (order === undefined) throw damaged(path, 'fortran_order', text);
  const shape = readShape(path, text);
  // Of one dimension both orders are the same.
  return { shape, dtype, byteOrder, valuesAt, isFortran: order === 'True' && shape.length > 1 };
}

/** Magic, version (2 bytes), length of the text (uint16 in version 1, else uint32; little-endian), text. */
function headerText(path: string, head: Buffer): { text: string; valuesAt: number } {
  const cutShort = (expected: string): DataError =>
    new DataError(`${path}: its .npy header is cut short: expected ${expected} bytes, got ${head.length}`);
  const major = head[magic.length];
  if (major === undefined) throw cutShort('at least 10');
  if (major < 1 || major > 3) throw new DataError(`${path}: expected a .npy file of version 1, 2 or 3, got version ${major}`);
  const textAt = major === 1 ? 10 : 12;
  if (head.length < textAt) throw cutShort(`at least ${textAt}`);
  const length = major === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8);
  const valuesAt = textAt + length;
  if (valuesAt > longestHeader) {
    throw new DataError(`${path}: expected a .npy header of at most ${longestHeader} bytes, got ${valuesAt}: it is no plain array`);
  }
  if (head.length < valuesAt) throw cutShort(String(valuesAt));
  return { text: head.toString('utf8', textAt, valuesAt), valuesAt };
}

function elementType(path: string, text: string): Pick<StoredHeader, 'dtype' | 'byteOrder'> {
  if (/['"]descr['"]\s*:\s*\[/.test(text)) {
    throw new DataError(`${path}: expected an array of numbers, got records with named fields: save each field as a file of its own`);
  }
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/.exec(text)?.[1];
  if (descr === undefined) throw damaged(path, 'descr', text);
  if (/^.?O/.test(descr)) {
    throw new DataError(
      `${path}: expected an array of numbers, got Python objects (a pickle), which are never loaded: save it with array.astype('float32')`,
    );
  }
  const dtype = types.get(descr.slice(1));
  if (dtype === undefined || !/^[<>|]/.test(descr)) {
    throw new DataError(
      `${path}: expected values of type ${[...types.values()].join(', ')}, got '${descr}': save it with array.astype('float32')`,
    );
  }
  return { dtype, byteOrder: descr.startsWith('>') ? 'BE' : 'LE' };
}

function readShape(path: string, text: string): readonly number[] {
  const tuple = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (tuple === undefined) throw damaged(path, 'shape', text);
  const shape = tuple.match(/\d+/g)?.map(Number) ?? [];
  if (shape.length === 0) throw new DataError(`${path}: expected an array of one dimension or more, got a single number`);
  return shape;
}

function damaged(path: string, key: string, text: string): DataError {
  return new DataError(`${path}: expected a .npy header with '${key}', got ${JSON.stringify(text.trim().slice(0, 120))}`);
}
