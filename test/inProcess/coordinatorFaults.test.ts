import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { type Moment, resumeInProcess, trainInProcess } from '../fixtures/inProcess/cluster.js';
import { movableClock } from '../fixtures/inProcess/movableClock.js';
import { smallRun } from '../fixtures/inProcess/smallRun.js';

/** A coordinator that ends at each moment: what is on its disk then is what a kill leaves. */

const moments: readonly Moment[] = [
  { way: 'sends', type: 'hello', time: 1 },
  { way: 'sends', type: 'ready', time: 1 },
  { way: 'receives', type: 'step', time: 1 },
  ...[1, 2, 13, 14, 15, 16, 29, 30].map((time) => ({ way: 'sends' as const, type: 'gradient', time })),
  { way: 'receives', type: 'evaluate', time: 1 },
  { way: 'sends', type: 'evaluation', time: 2 },
  { way: 'sends', type: 'evaluation', time: 6 },
];

test('a run that is resumed from what is on the disk at any moment comes to the same weights', async (t) => {
  const clock = movableClock(t);
  const folder = t.testdir();
  const config = { ...smallRun(folder), name: 'whole' };
  const copy = (i: number): string => join(folder, 'killed', String(i));
  const strikes = moments.map((moment, i) => ({
    ...{ ...moment, slot: 0 },
    fault: () => cpSync(join(folder, 'runs', 'whole'), copy(i), { recursive: true }),
  }));
  const { result: expected } = await clock.until(trainInProcess({ config, strikes }));
  for (const [i, { way, type, time }] of moments.entries()) {
    // That of this process, which lives.
    rmSync(join(copy(i), 'lock'));
    const { result } = await clock.until(resumeInProcess(copy(i)));
    t.same(result.finalWeights, expected.finalWeights, `killed as worker 0 ${way} ${type} number ${time}`);
    t.same(result.bestWeights, expected.bestWeights, 'the best');
    t.ok(existsSync(join(copy(i), 'summary.json')));
  }
});

test('a run that is told to stop at any moment saves, and goes on to the same weights', async (t) => {
  const clock = movableClock(t);
  const folder = t.testdir();
  const { result: expected } = await clock.until(trainInProcess({ config: smallRun(folder) }));
  // One that never began leaves no folder, and in its last step a run has nothing left to stop.
  const within = moments.filter(({ type, time }) => type !== 'hello' && type !== 'ready' && time < 29 && time !== 6);
  for (const [i, moment] of within.entries()) {
    const name = `stopped-${i}`;
    const stop = new AbortController();
    const strikes = [{ ...moment, slot: 0, fault: () => stop.abort() }];
    const config = { ...smallRun(folder), name };
    await t.rejects(clock.until(trainInProcess({ config, strikes, signal: stop.signal })), { name: 'Interrupted' });
    const { result } = await clock.until(resumeInProcess(join(folder, 'runs', name)));
    t.same(result.finalWeights, expected.finalWeights, `stopped as worker 0 ${moment.way} ${moment.type} number ${moment.time}`);
  }
});
