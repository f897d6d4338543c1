import { join } from 'node:path';
import { test } from 'tap';
import { runWell } from '../fixtures/cli.js';
import { resultOf, startStruck, undisturbed } from './struck.js';

/** A coordinator that is killed, and a run that is resumed. What a kill leaves at every other moment is in test/inProcess. */

for (const [moment, at] of [
  ['reducing', 20],
  ['saving', 2],
] as const) {
  test(`the coordinator gets SIGKILL while ${moment}, and the run is resumed`, async (t) => {
    const expected = await undisturbed(t);
    const runs = t.testdir();
    const { up, presence } = await startStruck(t, runs, { role: 'up', moment, at, signal: 'SIGKILL' });
    t.equal((await up.ended).signal, 'SIGKILL');
    await presence.none();
    await runWell(t, 'up', '--resume', join(runs, 'disturbed'));
    t.same(resultOf(join(runs, 'disturbed')), expected);
  });
}
