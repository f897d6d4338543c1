import { join } from 'node:path';
import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { resultOf, startStruck, undisturbed } from './struck.js';

/** Each fault of a worker, at each moment. */

for (const signal of ['SIGKILL', 'SIGSTOP', 'SIGSEGV'] as const) {
  // Over shared memory, where the machine has it, and over sockets.
  for (const [moment, at, transport] of [
    ['waiting', 1, 'auto'],
    ['computing', 20, 'auto'],
    ['computing', 20, 'socket'],
    ['writing', 200, 'auto'],
    ['sending', 20, 'auto'],
    ['sending', 20, 'socket'],
    ['validating', 2, 'auto'],
  ] as const) {
    // A worker that is stopped before it is ready keeps the others waiting for prepareTimeout, which has its own test.
    if (signal === 'SIGSTOP' && moment === 'waiting') continue;
    // A crash is a kill to the others, whatever way they hear of it.
    if (signal === 'SIGSEGV' && transport === 'socket') continue;
    if (moment === 'writing' && !hasBlas(1)) continue;
    test(`a worker gets ${signal} while ${moment} (${transport})`, async (t) => {
      const expected = await undisturbed(t);
      const runs = t.testdir();
      const { up, presence } = await startStruck(t, runs, { role: 'worker', moment, at, signal }, '--transport', transport);
      const { stderr } = await up.done();
      await presence.none();
      t.match(
        stderr,
        signal === 'SIGSTOP' ? /^worker 1 has not answered within 1 s$/m : new RegExp(`^worker 1 .*was killed by ${signal}`, 'm'),
      );
      t.same(resultOf(join(runs, 'disturbed')), expected);
    });
  }
}
