import { test } from 'tap';
import { isIdx, readIdxHeader } from '../../../src/data/arrays/idx.js';
import { DataError } from '../../../src/shared/text/errors.js';
import { idxBytes } from '../../fixtures/arrays.js';

test('the header of a file of images', (t) => {
  const head = Buffer.from([0, 0, 0x08, 3, 0, 0, 0xea, 0x60, 0, 0, 0, 28, 0, 0, 0, 28]);
  t.ok(isIdx(head));
  t.same(readIdxHeader('x', head), { shape: [60_000, 28, 28], dtype: 'uint8', byteOrder: 'BE', valuesAt: 16 });
  t.end();
});

test('every type has its name', (t) => {
  const names = [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e].map((type) => readIdxHeader('x', idxBytes(type, [1], [])).dtype);
  t.same(names, ['uint8', 'int8', 'int16', 'int32', 'float32', 'float64']);
  t.end();
});

test('rank 1 and rank 5', (t) => {
  t.same(readIdxHeader('x', idxBytes(0x08, [7], [])).shape, [7]);
  t.match(readIdxHeader('x', idxBytes(0x08, [1, 2, 3, 4, 5], [])), { shape: [1, 2, 3, 4, 5], valuesAt: 24 });
  t.end();
});

test('bad headers are named', (t) => {
  const refuses = (head: readonly number[], message: string): void => {
    t.throws(() => readIdxHeader('dir/x.idx', Buffer.from(head)), new DataError(message));
  };
  refuses([0, 0, 8], 'dir/x.idx: its IDX header is cut short: expected at least 4 bytes, got 3');
  refuses([0, 0, 8, 2, 0, 0, 0, 1, 0], 'dir/x.idx: its IDX header is cut short: expected 12 bytes for rank 2, got 9');
  refuses([0, 0, 8, 0], 'dir/x.idx: expected an IDX array of one dimension or more, got rank 0');
  refuses(
    [0, 0, 10, 1, 0, 0, 0, 1],
    'dir/x.idx: expected an IDX type of 0x08 (uint8), 0x09 (int8), 0x0B (int16), 0x0C (int32), 0x0D (float32), 0x0E (float64), got 0x0A',
  );
  t.end();
});

test('other files are not IDX', (t) => {
  t.notOk(isIdx(Buffer.from([0, 1, 8, 1])));
  t.notOk(isIdx(Buffer.from([0])));
  t.end();
});
