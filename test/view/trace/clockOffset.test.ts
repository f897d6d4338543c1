import fc from 'fast-check';
import { test } from 'tap';
import { clockOffset, type Exchange } from '../../../src/view/trace/clockOffset.js';

test('between the bounds of the tightest exchanges', async (t) => {
  const exchanges: Exchange[] = [
    { askedAt: 100, startedAt: 1_001, endedAt: 1_005, answeredAt: 110 },
    // Nearly no time on the way there, and nearly none on the way back.
    { askedAt: 200, startedAt: 1_100.1, endedAt: 1_108, answeredAt: 230 },
    { askedAt: 300, startedAt: 1_209, endedAt: 1_210, answeredAt: 310.1 },
  ];
  t.ok(Math.abs(clockOffset(exchanges) - -900) < 0.11);
});

test('one exchange whose beginning is not known', async (t) => {
  t.equal(clockOffset([{ askedAt: Number.NEGATIVE_INFINITY, startedAt: 5, endedAt: 7, answeredAt: 107 }]), 100);
  t.equal(clockOffset([]), 0);
});

test('nothing begins before it is asked for or ends after its answer', async (t) => {
  const delay = fc.double({ min: 0, max: 50, noNaN: true });
  const exchange = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), delay, delay, delay);
  fc.assert(
    fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.array(exchange, { minLength: 1 }), (offset, times) => {
      const exchanges = times.map(([askedAt, there, computed, back]): Exchange => {
        const startedAt = askedAt + there - offset;
        return { askedAt, startedAt, endedAt: startedAt + computed, answeredAt: askedAt + there + computed + back };
      });
      const found = clockOffset(exchanges);
      return exchanges.every(
        ({ askedAt, startedAt, endedAt, answeredAt }) => startedAt + found >= askedAt - 1e-5 && endedAt + found <= answeredAt + 1e-5,
      );
    }),
  );
  t.pass();
});
