import { join } from 'node:path';
import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { resultOf, startStruck, undisturbed } from './struck.js';

/**
 * Each kind of fault of a worker, against real processes that share memory. Every fault at every message is in
 * test/inProcess.
 */

for (const [signal, moment, at] of [
  ['SIGKILL', 'computing', 20],
  ['SIGKILL', 'writing', 200],
  ['SIGKILL', 'sending', 20],
  ['SIGSTOP', 'computing', 20],
  ['SIGSTOP', 'sending', 20],
  ['SIGSEGV', 'writing', 200],
] as const) {
  if (moment === 'writing' && !hasBlas(1)) continue;
  test(`a worker gets ${signal} while ${moment}`, async (t) => {
    const expected = await undisturbed(t);
    const runs = t.testdir();
    const { up, presence } = await startStruck(t, runs, { role: 'worker', moment, at, signal });
    const { stderr } = await up.done();
    await presence.none();
    const stopped = /^worker 1 has not answered within 1 s$/m;
    t.match(stderr, signal === 'SIGSTOP' ? stopped : new RegExp(`^worker 1 .*was killed by ${signal}`, 'm'));
    t.same(resultOf(join(runs, 'disturbed')), expected);
  });
}

test('a worker that sends messages gets SIGKILL while sending', async (t) => {
  const expected = await undisturbed(t);
  const runs = t.testdir();
  const strike = { role: 'worker', moment: 'sending', at: 20, signal: 'SIGKILL' } as const;
  const { up, presence } = await startStruck(t, runs, strike, '--transport', 'socket');
  t.match((await up.done()).stderr, /^worker 1 .*was killed by SIGKILL/m);
  await presence.none();
  t.same(resultOf(join(runs, 'disturbed')), expected);
});
