import { test } from 'tap';
import { secondsOf, stepClock } from '../../../src/view/page/stepClock.js';

test('in a straight line between marks, and beyond the last as before it', async (t) => {
  const clock = stepClock([
    { step: 0, time: 100 },
    { step: 4, time: 120 },
    { step: 5, time: 160 },
  ]);
  t.same(
    [0, 1, 4, 4.5, 5, 7].map((step) => clock?.(step)),
    [100, 105, 120, 140, 160, 240],
  );
  t.equal(stepClock([{ step: 3, time: 1 }]), undefined);
});

test('seconds of a run begin with its first event, and its steps when its workers were ready', async (t) => {
  const ready = (time: number) => ({ time, kind: 'ready' as const, line: '' });
  const events = [ready(9_000), ready(10_000), { time: 11_000, kind: 'notice' as const, line: '' }, ready(30_000)];
  const seconds = secondsOf({ events, pace: [{ time: 12_000, step: 4, samplesPerSecond: 1 }] });
  t.same(
    [0, 2, 4].map((steps) => seconds?.(steps)),
    [1, 2, 3],
  );
  t.equal(secondsOf({ events, pace: [] }), undefined, 'not known yet');
});
