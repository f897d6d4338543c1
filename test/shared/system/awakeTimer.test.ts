import { test } from 'tap';
import { AwakeClock } from '../../../src/shared/system/awakeTimer.js';

test('a clock that stands still for as long as nobody could look at it', async (t) => {
  let time = 1_000;
  const clock = new AwakeClock(() => time);
  const start = clock.now();
  const after = (milliseconds: number): number => {
    time += milliseconds;
    return clock.now() - start;
  };
  t.equal(after(100), 100);
  t.equal(after(150), 250, 'a tick that is a little late is not slept through');
  t.equal(after(12_000), 250, 'stopped');
  t.equal(after(100), 350);
  t.equal(after(300_000), 350, 'and again');
  t.equal(after(1), 351);
});
