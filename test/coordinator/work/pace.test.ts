import { test } from 'tap';
import { Pace } from '../../../src/coordinator/work/pace.js';

test('a slow worker is named once, and gets its share', async (t) => {
  const pace = new Pace();
  const named = Array.from({ length: 300 }, () => [pace.record('a', 10, 1, 0), pace.record('b', 10, 1, 0), pace.record('c', 40, 1, 0)])
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
    t.equal(pace.record('a', i % 40 === 0 ? 500 : 0.2, 1, 0), undefined);
    t.equal(pace.record('b', 0.6, 1, 0), undefined);
  }
  t.equal(new Pace().record('alone', 1_000, 1, 0), undefined);
});

/** Three workers take half a millisecond a step; the last is stopped four fifths of the time, which its own clock does not see. */
function steps(pace: Pace, seconds: number, delay: (worker: string, at: number) => number): unknown[] {
  const named: unknown[] = [];
  for (let at = 0; at < seconds * 1_000; ) {
    for (const worker of ['a', 'b', 'c']) pace.asked(worker, at);
    const answers = ['a', 'b', 'c'].map((worker) => ({ worker, at: at + 0.5 + delay(worker, at) }));
    for (const answer of answers) {
      const slow = pace.record(answer.worker, 0.4, 1, answer.at);
      if (slow) named.push(slow.worker);
    }
    at = Math.max(...answers.map((answer) => answer.at)) + 0.5;
  }
  return named;
}

test("a worker that is stopped again and again is slow by the coordinator's clock", async (t) => {
  const pace = new Pace();
  const stopped = (worker: string, at: number): number => (worker === 'c' && at % 250 >= 50 ? 250 - (at % 250) : 0);
  t.same(steps(pace, 20, stopped), ['c']);
  const [a = 0, b, c = 1] = pace.shares(['a', 'b', 'c']);
  t.same([a, b], [1, 1]);
  t.ok(c > 0.1 && c < 0.35, `about a fifth: ${c}`);
});

test('what all wait for, and a pause now and then, names nobody', async (t) => {
  t.same(
    steps(new Pace(), 20, (_, at) => (at % 250 >= 50 ? 250 - (at % 250) : 0)),
    [],
    'the coordinator itself is stopped',
  );
  t.same(
    steps(new Pace(), 20, (worker, at) => (worker === 'c' && at % 1_000 < 1 ? 250 : 0)),
    [],
  );
  t.same(
    steps(new Pace(), 20, (worker) => (worker === 'c' ? 3 : 0)),
    [],
    'a longer way, every time',
  );
});
