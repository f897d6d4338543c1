import { test } from 'tap';
import { soak } from '../fixtures/soak.js';

/** `npm run check:soak` does the same with 300 faults. */

test('faults of every kind, one after the other: the same weights, and nothing left over', {
  skip: process.platform !== 'linux' && 'reads what processes hold from /proc',
}, async (t) => {
  const { faults, steps, weights, expected, growth } = await soak(t, { faults: 8, seed: 3, runs: t.testdir() });
  t.comment(JSON.stringify({ faults, steps, growth }));
  t.equal(Object.keys(faults).length, 8);
  t.same(weights, expected);
});
