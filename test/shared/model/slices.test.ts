import { test } from 'tap';
import { mostSlices, overlapOf, slicesOf } from '../../../src/shared/model/slices.js';

test('parts cover a tensor, in order and without gaps', (t) => {
  for (const size of [1, 5, 262_144, 262_145, 1_863_690, 20_000_000, 100_000_000]) {
    const parts = slicesOf(size, false);
    let end = 0;
    for (const { offset, size: length } of parts) {
      t.equal(offset, end);
      t.ok(length > 0);
      end += length;
    }
    t.equal(end, size);
    t.ok(parts.length <= mostSlices);
  }
  t.equal(slicesOf(101_770, false).length, 1, 'a small network travels whole');
  t.end();
});

test('what two places have in common', (t) => {
  t.same(overlapOf({ offset: 0, size: 10 }, { offset: 4, size: 10 }), { offset: 4, size: 6 });
  t.same(overlapOf({ offset: 4, size: 2 }, { offset: 0, size: 10 }), { offset: 4, size: 2 });
  t.equal(overlapOf({ offset: 0, size: 4 }, { offset: 4, size: 4 }), undefined);
  t.end();
});
