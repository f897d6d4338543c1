import { test } from 'tap';
import { Pace } from '../../src/coordinator/pace.js';

test('a slow worker is named once, and gets its share', async (t) => {
  const pace = new Pace();
  const named = Array.from({ length: 300 }, () => [pace.record('a', 10), pace.record('b', 10), pace.record('c', 40)])
    .flat()
    .filter((slow) => slow !== undefined);
  t.same(named, [{ worker: 'c', own: 40, others: 10 }]);
  t.same(pace.shares(['a', 'b', 'c']), [1, 1, 0.25]);
  pace.forget('c');
  t.same(pace.shares(['a', 'b', 'c']), [1, 1, 1]);
});

test('noise names nobody', async (t) => {
  const pace = new Pace();
  for (let i = 0; i < 300; i++) {
    t.equal(pace.record('a', i % 40 === 0 ? 500 : 0.2), undefined);
    t.equal(pace.record('b', 0.6), undefined);
  }
  t.equal(new Pace().record('alone', 1_000), undefined);
});
