/**
 * Reads over MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) without building anything: what a peer
 * sends must not make us reserve more than it has sent, nor a RegExp or an Error of its choice.
 */

/** Deepest nesting that is read. */
const maxDepth = 32;

/** Is this exactly one value of nil, booleans, numbers, texts, arrays and maps with texts for keys, as long as it says? */
export function isPlainMsgpack(bytes: Uint8Array): boolean {
  return endOf({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }, 0, maxDepth) === bytes.length;
}

interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Where the value that begins at `at` ends; past every end where it is none of ours. */
function endOf(source: Source, at: number, depth: number): number {
  const first = source.bytes[at];
  if (first === undefined || depth === 0) return Number.POSITIVE_INFINITY;
  if (first < 0x80 || first >= 0xe0) return at + 1;
  if (first < 0x90) return endOfMap(source, at + 1, first & 0x0f, depth);
  if (first < 0xa0) return endOfItems(source, at + 1, first & 0x0f, depth);
  if (first < 0xc0) return at + 1 + (first & 0x1f);
  switch (first) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return at + 1;
    case 0xcc: // uint 8
    case 0xd0: // int 8
      return at + 2;
    case 0xcd: // uint 16
    case 0xd1: // int 16
      return at + 3;
    case 0xca: // float 32
    case 0xce: // uint 32
    case 0xd2: // int 32
      return at + 5;
    case 0xcb: // float 64
    case 0xcf: // uint 64
    case 0xd3: // int 64
      return at + 9;
    case 0xd9: // str 8
      return at + 2 + lengthAt(source, at + 1, 1);
    case 0xda: // str 16
      return at + 3 + lengthAt(source, at + 1, 2);
    case 0xdb: // str 32
      return at + 5 + lengthAt(source, at + 1, 4);
    case 0xdc: // array 16
      return endOfItems(source, at + 3, lengthAt(source, at + 1, 2), depth);
    case 0xdd: // array 32
      return endOfItems(source, at + 5, lengthAt(source, at + 1, 4), depth);
    case 0xde: // map 16
      return endOfMap(source, at + 3, lengthAt(source, at + 1, 2), depth);
    case 0xdf: // map 32
      return endOfMap(source, at + 5, lengthAt(source, at + 1, 4), depth);
    default: // bytes and extensions
      return Number.POSITIVE_INFINITY;
  }
}

/** A number of 1, 2 or 4 bytes; more than any bytes there are where it is cut off. */
function lengthAt({ view }: Source, at: number, size: 1 | 2 | 4): number {
  if (at + size > view.byteLength) return Number.POSITIVE_INFINITY;
  if (size === 1) return view.getUint8(at);
  return size === 2 ? view.getUint16(at) : view.getUint32(at);
}

/** Every item takes a byte at least, so that this ends with the bytes whatever their count claims. */
function endOfItems(source: Source, start: number, count: number, depth: number): number {
  let at = start;
  for (let i = 0; i < count && at < Number.POSITIVE_INFINITY; i++) at = endOf(source, at, depth - 1);
  return at;
}

function endOfMap(source: Source, start: number, count: number, depth: number): number {
  let at = start;
  for (let i = 0; i < count && at < Number.POSITIVE_INFINITY; i++) {
    if (!isText(source.bytes[at])) return Number.POSITIVE_INFINITY;
    at = endOf(source, endOf(source, at, depth - 1), depth - 1);
  }
  return at;
}

function isText(first: number | undefined): boolean {
  return first !== undefined && ((first >= 0xa0 && first < 0xc0) || (first >= 0xd9 && first <= 0xdb));
}
