import fc from 'fast-check';
import { test } from 'tap';
import type { Elements } from '../../../src/data/arrays/dtype.js';
import { rowBuffer, rowReader } from '../../../src/data/arrays/rows.js';

/** Row `index`, read to the second of three places; the others' values are as they were. */
function row(values: Elements, width: number, index: number, divide?: number): number[] {
  const buffer = rowBuffer(values, width, 3, divide === undefined ? undefined : { divide });
  buffer.values.fill(-7);
  for (const place of [0, 1]) buffer.load(place, index);
  buffer.finish(2);
  return [...buffer.values.subarray(width)];
}

test('every number type gives its values, in their place and nowhere else', (t) => {
  const types = [Uint8Array, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array];
  for (const Type of types) t.same(row(Type.of(1, 2, 3, 4, 5, 6), 2, 1), [3, 4, -7, -7], Type.name);
  for (const Type of [BigInt64Array, BigUint64Array]) t.same(row(Type.of(1n, 2n, 3n, 4n), 2, 1), [3, 4, -7, -7], Type.name);
  t.end();
});

test('extreme values survive', (t) => {
  t.same(row(Int8Array.of(-128), 1, 0)[0], -128);
  t.same(row(BigInt64Array.of(-1n), 1, 0)[0], -1);
  t.same(row(BigUint64Array.of(2n ** 64n - 1n), 1, 0)[0], 2 ** 64);
  t.same(row(Float64Array.of(0.1), 1, 0)[0], Math.fround(0.1));
  t.end();
});

test('pixels are divided in float32: all 256 of them', (t) => {
  const pixels = Uint8Array.from({ length: 256 }, (_, value) => value);
  const expected = Array.from(pixels, (value) => Math.fround(value / 255));
  t.same(row(pixels, 256, 0, 255).slice(0, 256), expected);
  t.same(row(Int32Array.from(pixels), 256, 0, 255).slice(0, 256), expected);
  t.same(row(BigInt64Array.from([...pixels].map(BigInt)), 256, 0, 255).slice(0, 256), expected);
  t.end();
});

test('any divisor divides bytes to the bit, whichever way they are divided', (t) => {
  const pixels = Uint8Array.from({ length: 256 }, (_, value) => value);
  const isRight = (divide: number): boolean => {
    const expected = Array.from(pixels, (value) => Math.fround(value / Math.fround(divide)));
    return row(pixels, 256, 0, divide).every((value, i) => i >= 256 || Object.is(value, expected[i]));
  };
  fc.assert(fc.property(fc.float({ min: Math.fround(1e-44), noDefaultInfinity: true, noNaN: true }), isRight));
  t.ok([1, 3, 127.5, 255, 256, 1e-40, 3e38].every(isRight));
  t.end();
});

test('division turns both sides into float32 first', (t) => {
  const value = 16_777_217; // rounds to 16777216 in float32
  t.equal(row(Float64Array.of(value), 1, 0, 0.1)[0], Math.fround(16_777_216 / Math.fround(0.1)));
  t.end();
});

test('a single row may be read anywhere', (t) => {
  const into = new Float32Array(4).fill(-7);
  rowReader(Uint8Array.of(1, 2, 3, 4), 2)(1, into, 1);
  t.same([...into], [-7, 3, 4, -7]);
  t.end();
});

test('bytes are divided whatever their number is', (t) => {
  for (const width of [1, 15, 16, 17, 33]) {
    const pixels = Uint8Array.from({ length: 2 * width }, (_, i) => (i * 37) % 256);
    const expected = Array.from(pixels.subarray(width), (value) => Math.fround(value / 3));
    t.same(row(pixels, width, 1, 3).slice(0, width), expected, `${width}`);
  }
  t.end();
});
