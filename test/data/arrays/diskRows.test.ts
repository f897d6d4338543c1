import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { openArray } from '../../../src/data/arrays/arrayFile.js';
import { npyBytes, swapped } from '../../fixtures/arrays.js';

/** Rows of 16,384 values, of which blocks have 64; numbers that tell row and column. */
const [count, width] = [300, 16_384];

test('rows that are read from disk are those that are loaded, in any order and both byte orders', (t) => {
  const folder = t.testdir();
  const values = Int16Array.from({ length: count * width }, (_, i) => (Math.floor(i / width) * 31 + (i % width)) % 30_000);
  writeFileSync(join(folder, 'little.npy'), npyBytes('<i2', [count, width], values));
  writeFileSync(join(folder, 'big.npy'), npyBytes('>i2', [count, width], swapped(values, 2)));
  const loaded = openArray(join(folder, 'little.npy'));
  const readers = ['little.npy', 'big.npy'].flatMap((name) => [false, true].map((inBlocks) => openArray(join(folder, name), 0, inBlocks)));
  t.ok(loaded.isInMemory && readers.every(({ isInMemory }) => !isInMemory));
  const expected = loaded.buffer(8, { divide: 3 });
  const buffers = readers.map((reader) => reader.buffer(8, { divide: 3 }));
  const row = fc.integer({ min: 0, max: count - 1 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (rows) => {
      for (const buffer of [expected, ...buffers]) {
        for (const [place, wanted] of rows.entries()) buffer.load(place, wanted);
        buffer.finish(rows.length);
      }
      const values = (from: Float32Array): Buffer => Buffer.from(from.buffer, from.byteOffset, rows.length * width * 4);
      return buffers.every((buffer) => values(buffer.values).equals(values(expected.values)));
    }),
  );
  const all = (array: typeof loaded): Buffer => Buffer.concat([...array.pieces(3, 299)].map((piece) => Buffer.from(piece)));
  for (const reader of readers) t.ok(all(reader).equals(all(loaded)), 'and their bytes are the same');
  const one = new Float32Array(width);
  readers[1]?.rows(299, one, 0);
  t.equal(one[5], (299 * 31 + 5) % 30_000);
  t.end();
});
