import fc from 'fast-check';
import { test } from 'tap';
import { histogramOf } from '../../../src/view/tensorboard/histogram.js';

test('every finite value is in the bucket that it belongs to', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 200 }), (values) => {
      const array = Float32Array.from(values);
      const found = histogramOf(array);
      if (!found) return false;
      const { min, max, num, sum, bucket, bucketLimit } = found;
      const counted = bucket.reduce((all, count) => all + count, 0);
      const isRising = bucketLimit.every((limit, i) => i === 0 || limit > (bucketLimit[i - 1] ?? 0));
      const total = array.reduce((all, value) => all + value, 0);
      return (
        num === values.length &&
        counted === num &&
        isRising &&
        min === Math.min(...array) &&
        max === Math.max(...array) &&
        Math.abs(sum - total) < 1e-9
      );
    }),
  );
  const { bucket, bucketLimit } = histogramOf(Float32Array.of(0, 1, 1, 3)) ?? { bucket: [], bucketLimit: [] };
  t.same(
    bucket.flatMap((count, i) => (count > 0 ? [[i, count]] : [])),
    [
      [0, 1],
      [10, 2],
      [29, 1],
    ],
  );
  t.ok(Math.abs((bucketLimit.at(-1) ?? 0) - 3) < 1e-9);
});

test('what is no number is left out, and nothing is no histogram', async (t) => {
  t.match(histogramOf(Float32Array.of(Number.NaN, 2, Number.POSITIVE_INFINITY)), { num: 1, min: 2, max: 2 });
  t.equal(histogramOf(Float32Array.of(Number.NaN)), undefined);
});
