import { test } from 'tap';
import type { Elements } from '../../src/data/dtype.js';
import { rowReader } from '../../src/data/rows.js';

function row(values: Elements, width: number, index: number, divide?: number): number[] {
  const into = new Float32Array(width + 2).fill(-7);
  rowReader(values, width, divide)(index, into, 1);
  return [...into];
}

test('every number type gives its values, at the offset and nowhere else', (t) => {
  const types = [Uint8Array, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array];
  for (const Type of types) t.same(row(Type.of(1, 2, 3, 4, 5, 6), 2, 1), [-7, 3, 4, -7], Type.name);
  for (const Type of [BigInt64Array, BigUint64Array]) t.same(row(Type.of(1n, 2n, 3n, 4n), 2, 1), [-7, 3, 4, -7], Type.name);
  t.end();
});

test('extreme values survive', (t) => {
  t.same(row(Int8Array.of(-128), 1, 0)[1], -128);
  t.same(row(BigInt64Array.of(-1n), 1, 0)[1], -1);
  t.same(row(BigUint64Array.of(2n ** 64n - 1n), 1, 0)[1], 2 ** 64);
  t.same(row(Float64Array.of(0.1), 1, 0)[1], Math.fround(0.1));
  t.end();
});

test('pixels are divided in float32: all 256 of them', (t) => {
  const pixels = Uint8Array.from({ length: 256 }, (_, value) => value);
  const expected = Array.from(pixels, (value) => Math.fround(value / 255));
  t.same(row(pixels, 256, 0, 255).slice(1, -1), expected);
  t.same(row(Int32Array.from(pixels), 256, 0, 255).slice(1, -1), expected);
  t.same(row(BigInt64Array.from([...pixels].map(BigInt)), 256, 0, 255).slice(1, -1), expected);
  t.end();
});

test('division turns both sides into float32 first', (t) => {
  const value = 16_777_217; // rounds to 16777216 in float32
  t.equal(row(Float64Array.of(value), 1, 0, 0.1)[1], Math.fround(16_777_216 / Math.fround(0.1)));
  t.end();
});
