import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Test, test } from 'tap';
import { openArray } from '../../../src/data/arrays/arrayFile.js';
import { fromHalves, plainArray } from '../../../src/data/arrays/plainArray.js';
import { idxBytes, npyBytes } from '../../fixtures/arrays.js';

/** Arrays that cannot be read row by row as they stand. */

interface Read {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly bytes: Buffer;
  readonly said: readonly string[];
}

async function read(t: Test, name: string, content: Buffer): Promise<Read> {
  const folder = t.testdir();
  writeFileSync(join(folder, name), content);
  const said: string[] = [];
  const place = { folders: [join(folder, 'data')], say: (line: string) => said.push(line.replaceAll(`${folder}/`, '')) };
  const array = openArray(await plainArray(join(folder, name), place));
  const again = await plainArray(join(folder, name), place);
  t.equal(openArray(again).path, array.path, 'it is known the second time');
  const bytes = Buffer.concat([...array.pieces(0, array.shape[0] ?? 0)].map((piece) => Buffer.from(piece)));
  return { ...array, path: array.path.replace(`${folder}/`, ''), bytes, said };
}

const plain = npyBytes('<f4', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));

test('gzip, whatever the name', async (t) => {
  const expected = await read(t, 'x.npy', plain);
  t.same(expected.said, []);
  const packed = await read(t, 'x.npy', gzipSync(plain));
  t.same([packed.shape, packed.dtype, packed.bytes], [expected.shape, expected.dtype, expected.bytes]);
  t.match(packed.said, [/^x\.npy is a gzip archive: unpacking it to data\/\w+\.npy, once$/]);
  t.equal(packed.path, 'x.npy', 'messages name the file that the user has');
  const idx = await read(t, 'x-idx.gz', gzipSync(idxBytes(0x08, [2, 1], [7, 9])));
  t.same([idx.shape, idx.bytes], [[2, 1], Buffer.of(7, 9)]);
});

test('a gzip file that is damaged or cut short', async (t) => {
  const packed = gzipSync(plain);
  const wrong = Buffer.from(packed);
  wrong.writeUInt32LE(0, packed.length - 8);
  await t.rejects(read(t, 'x.npy.gz', wrong), { name: 'DataError', message: /x\.npy\.gz: cannot be unpacked, .*: incorrect data check$/ });
  await t.rejects(read(t, 'x.npy.gz', packed.subarray(0, 40)), { message: /cannot be unpacked, .*: unexpected end of file$/ });
});

test('Fortran order', async (t) => {
  const fortran = (descr: string, shape: readonly number[], values: NodeJS.TypedArray): Buffer =>
    Buffer.from(
      npyBytes(descr, [...shape], values)
        .toString('latin1')
        .replace("'fortran_order': False", "'fortran_order': True "),
      'latin1',
    );
  const two = await read(t, 'x.npy', fortran('<f4', [2, 3], Float32Array.of(1, 4, 2, 5, 3, 6)));
  t.same(two.bytes, (await read(t, 'y.npy', plain)).bytes);
  t.match(two.said, [/^x\.npy has its values in Fortran order: writing them row by row to /]);
  // [2, 2, 3] of the numbers 0 to 11.
  const three = await read(t, 'x.npy', fortran('<i2', [2, 2, 3], Int16Array.of(0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11)));
  t.same(
    new Int16Array(new Uint8Array(three.bytes).buffer),
    Int16Array.from({ length: 12 }, (_, i) => i),
  );
});

test('float16', async (t) => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000);
  const { dtype, bytes } = await read(t, 'x.npy', npyBytes('<f2', [2, 3], halves));
  t.equal(dtype, 'float32');
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  t.same(values, Float32Array.of(1, -2, 0.333251953125, 2 ** -24, 65_504, -0));
  t.ok(Object.is(values[5], -0));
  const special = fromHalves(Buffer.from(Uint16Array.of(0x7c00, 0xfc00, 0x7e00).buffer));
  t.same(new Float32Array(new Uint8Array(special).buffer), Float32Array.of(Infinity, -Infinity, Number.NaN));
});
