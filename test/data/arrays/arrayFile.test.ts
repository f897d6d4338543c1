import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'tap';
import { type ArrayFile, openArray } from '../../../src/data/arrays/arrayFile.js';
import { DataError } from '../../../src/shared/text/errors.js';
import { idxBytes, npyBytes, swapped } from '../../fixtures/arrays.js';

function valuesOf(array: ArrayFile, divide?: number): number[][] {
  const [count = 0] = array.shape;
  const { values, load, finish } = array.buffer(count, divide === undefined ? undefined : { divide });
  for (let row = 0; row < count; row++) load(row, row);
  finish(count);
  return Array.from({ length: count }, (_, row) => [...values.subarray(row * array.rowWidth, (row + 1) * array.rowWidth)]);
}

test('an IDX file of every type', (t) => {
  const folder = t.testdir({
    u8: idxBytes(0x08, [2, 2, 1], [1, 2, 3, 255]),
    i8: idxBytes(0x09, [2], [1, 0x80]),
    i16: idxBytes(0x0b, [2], [0x01, 0x02, 0xff, 0xfe]),
    i32: idxBytes(0x0c, [1], [0, 1, 0, 0]),
    f32: idxBytes(0x0d, [1, 2], [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]),
    f64: idxBytes(0x0e, [1], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
  });
  const expected = {
    u8: [
      [1, 2],
      [3, 255],
    ],
    i8: [[1], [-128]],
    i16: [[258], [-2]],
    i32: [[65_536]],
    f32: [[1, -2]],
    f64: [[1.5]],
  };
  for (const [name, values] of Object.entries(expected)) t.same(valuesOf(openArray(join(folder, name))), values, name);
  t.match(openArray(join(folder, 'u8')), { shape: [2, 2, 1], dtype: 'uint8', isInteger: true, rowWidth: 2 });
  t.match(openArray(join(folder, 'f32')), { shape: [1, 2], dtype: 'float32', isInteger: false, rowWidth: 2 });
  t.end();
});

test('a .npy file in both byte orders', (t) => {
  const halves = Int16Array.of(1, -2, 300);
  const floats = Float32Array.of(0.5, -1.25, 3);
  const longs = BigInt64Array.of(1n, -2n, 9n);
  const folder = t.testdir({
    i2: npyBytes('<i2', [3, 1], halves),
    bigI2: npyBytes('>i2', [3, 1], swapped(halves, 2)),
    f4: npyBytes('<f4', [3], floats, { version: 2 }),
    bigF4: npyBytes('>f4', [3], swapped(floats, 4), { version: 3 }),
    i8: npyBytes('<i8', [3], longs),
    bigI8: npyBytes('>i8', [3], swapped(longs, 8)),
    b1: npyBytes('|b1', [3], Uint8Array.of(0, 1, 1)),
  });
  const expected = { i2: [1, -2, 300], f4: [0.5, -1.25, 3], i8: [1, -2, 9] };
  for (const [name, values] of Object.entries(expected)) {
    const big = openArray(join(folder, `big${name.toUpperCase()}`));
    t.same(valuesOf(openArray(join(folder, name))).flat(), values, name);
    t.same(valuesOf(big).flat(), values, `${name}, big-endian`);
    t.same([...big.pieces(0, 3)], [...openArray(join(folder, name)).pieces(0, 3)], 'bytes are in one order, whatever the file has');
  }
  t.match(openArray(join(folder, 'b1')), { dtype: 'bool', isInteger: true });
  t.same(valuesOf(openArray(join(folder, 'b1'))), [[0], [1], [1]]);
  t.end();
});

test('the format is told from the bytes, not the name', (t) => {
  const folder = t.testdir({ 'a.npy': idxBytes(0x08, [2], [3, 4]), 'b-idx1-ubyte': npyBytes('|u1', [2], Uint8Array.of(5, 6)) });
  t.same(valuesOf(openArray(join(folder, 'a.npy'))), [[3], [4]]);
  t.same(valuesOf(openArray(join(folder, 'b-idx1-ubyte'))), [[5], [6]]);
  t.end();
});

test('pieces are whole rows, loaded or read from disk', (t) => {
  const [rows, width] = [4, 5_000_001];
  const folder = t.testdir({ 'wide.npy': npyBytes('|u1', [rows, width], new Uint8Array(rows * width)) });
  for (const memory of [Number.POSITIVE_INFINITY, 0]) {
    const lengths = [...openArray(join(folder, 'wide.npy'), memory).pieces(0, rows)].map(({ length }) => length / width);
    t.same(lengths, [3, 1]);
  }
  t.end();
});

test('a bad file is named, with what was expected and what was got', (t) => {
  const cases: Readonly<Record<string, readonly [Buffer | string, string]>> = {
    empty: ['', 'expected an IDX or .npy file, got an empty one'],
    text: ['1,2\n3,4\n', 'expected an IDX or .npy file, got one that begins with the bytes 31 2c 32 0a: save it with np.save'],
    'x.gz': [gzipSync('x'), 'expected an IDX or .npy file, got a gzip archive: unpack it first (gunzip)'],
    'x.npz': ['PK\x03\x04', 'expected an IDX or .npy file, got a zip archive or .npz: unpack it first, or save one array with np.save'],
    pickle: [
      Buffer.from([0x80, 4, 0x95, 0]),
      'expected an IDX or .npy file, got what looks like a Python pickle, which is never loaded: save it with np.save',
    ],
    header: [Buffer.from([0, 0, 8, 1, 0]), 'its IDX header is cut short: expected 8 bytes for rank 1, got 5'],
    short: [idxBytes(0x08, [3, 2], [1, 2, 3, 4]), 'is too short for uint8 [3, 2]: expected 6 bytes of values, got 4'],
    long: [npyBytes('<f4', [1], new Float32Array(3)), 'is too long for float32 [1]: expected 4 bytes of values, got 12'],
    huge: [
      idxBytes(0x0e, [2 ** 31, 2 ** 31], []),
      'is too short for float64 [2147483648, 2147483648]: expected 36893488147419103000 bytes',
    ],
    none: [idxBytes(0x08, [0, 28], []), 'has no samples: its shape is [0, 28]'],
    hollow: [npyBytes('<f4', [2, 0], new Float32Array()), 'its samples have no values: its shape is [2, 0]'],
  };
  const folder = t.testdir(Object.fromEntries(Object.entries(cases).map(([name, [bytes]]) => [name, bytes])));
  for (const [name, [, message]] of Object.entries(cases)) {
    const path = join(folder, name);
    const thrown = t.throws(() => openArray(path));
    t.type(thrown, DataError);
    t.ok(String(thrown).includes(`${path}: ${message}`), `${name}: ${String(thrown)}`);
  }
  t.end();
});

test('what is no file', (t) => {
  const folder = t.testdir({ file: '' });
  t.throws(() => openArray(join(folder, 'no.npy')), new DataError(`${join(folder, 'no.npy')}: no such file`));
  t.throws(() => openArray(folder), new DataError(`${folder}: expected a file, got a directory`));
  t.throws(() => openArray(join(folder, 'file', 'x')), { name: 'DataError', message: /file\/x: cannot be read: ENOTDIR/ });
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  t.throws(() => openArray(pipe), new DataError(`${pipe}: expected a regular file, got a pipe, socket or device`));
  t.end();
});

test('a file without permission', (t) => {
  const path = join(t.testdir({ secret: idxBytes(0x08, [1], [1]) }), 'secret');
  chmodSync(path, 0);
  // Root may read everything: become nobody for a moment.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    t.throws(() => openArray(path), new DataError(`${path}: no permission to read it`));
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  t.end();
});
