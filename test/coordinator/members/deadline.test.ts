import { test } from 'tap';
import { Deadline } from '../../../src/coordinator/members/deadline.js';

test('a step may take the larger of 30 s and 20 times the median', async (t) => {
  const deadline = new Deadline({ stepTimeout: undefined });
  t.same(deadline.check(29, true), { kind: 'wait' });
  t.same(deadline.check(30, true), { kind: 'missed', seconds: 30 });
  for (const seconds of [1, 4, 100]) deadline.finished(seconds);
  t.same(deadline.check(79, true), { kind: 'wait' });
  t.same(deadline.check(80, true), { kind: 'missed', seconds: 80 });
});

test('where every worker misses it, it doubles three times before they count as dead', async (t) => {
  const deadline = new Deadline({ stepTimeout: 1 });
  t.same(deadline.check(1, false), { kind: 'extended', seconds: 2 });
  t.same(deadline.check(1.5, false), { kind: 'wait' });
  t.same(deadline.check(2, false), { kind: 'extended', seconds: 4 });
  t.same(deadline.check(4, false), { kind: 'extended', seconds: 8 });
  t.same(deadline.check(8, false), { kind: 'missed', seconds: 8 });
  deadline.finished(8);
  t.same(deadline.check(1, true), { kind: 'missed', seconds: 1 }, 'a step that ends starts anew');
});
