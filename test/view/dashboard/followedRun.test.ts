import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { RunStatus } from '../../../src/runFolder/runStatus.js';
import { FollowedRun } from '../../../src/view/dashboard/followedRun.js';

const step = (number: number, loss: unknown): string =>
  `${JSON.stringify({ kind: 'step', epoch: 0, step: number, samples: 32, loss, learningRate: 0.1, noiseScale: null })}\n`;

function statusText(startedAt: number, time = Date.now()): string {
  const length = { step: 1, totalSteps: 9, epoch: 0, epochs: 1, stepsPerEpoch: 9 };
  const status: RunStatus = {
    ...{ version: '0', state: 'training', reason: null, time, startedAt, host: 'here', pid: 1, ...length },
    ...{ samplesPerSecond: 5, globalBatch: 32, shards: 4, parameters: 7, workers: [] },
  };
  return JSON.stringify(status);
}

test('a run is read as it grows, whole lines only', async (t) => {
  const folder = t.testdir();
  const metrics = join(folder, 'metrics.jsonl');
  const run = new FollowedRun('run', folder);
  await run.refresh();
  t.equal(run.change().steps, 0, 'nothing is there yet');
  writeFileSync(metrics, `${step(0, 3)}${step(1, 2)}${step(2, 1).slice(0, 20)}`);
  await run.refresh();
  t.equal(run.change().steps, 2);
  appendFileSync(metrics, `${step(2, 'NaN').slice(20)}{"kind":"epoch","epoch":0,"loss":2,"valLoss":"NaN"}\n`);
  appendFileSync(metrics, '{"kind":"worker","time":5,"worker":"worker 0","event":"left","line":"was killed"}\n');
  await run.refresh();
  t.same(run.series(0, 3, 1).columns['loss'], { mean: [3, 2, null] });
  const { epochs, events, figures } = run.snapshot();
  t.same(epochs, [{ epoch: 0, loss: 2, valLoss: null, steps: 3 }]);
  t.same(events, [{ time: 5, kind: 'left', line: 'worker 0 was killed' }]);
  t.same(figures, ['loss']);
});

test('a run that was taken up from an earlier checkpoint is read again', async (t) => {
  const folder = t.testdir();
  const [metrics, status] = [join(folder, 'metrics.jsonl'), join(folder, 'status.json')];
  const run = new FollowedRun('run', folder);
  writeFileSync(metrics, step(0, 3) + step(1, 2));
  writeFileSync(status, statusText(1));
  await run.refresh();
  const { generation } = run.change();
  // It has come further than before when it is looked at again.
  writeFileSync(metrics, step(0, 3) + step(1, 5) + step(2, 4));
  writeFileSync(status, statusText(2));
  await run.refresh();
  t.same(run.series(0, 9, 1).columns['loss'], { mean: [3, 5, 4] });
  t.not(run.change().generation, generation);
  writeFileSync(metrics, step(0, 7));
  await run.refresh();
  t.same(run.series(0, 9, 1).columns['loss'], { mean: [7] }, 'shorter than what was read');
});

test('a line that a full disk has cut is passed over', async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'metrics.jsonl'), `${step(0, 3)}{"kind":"step","epo\n${step(1, 2)}`);
  const run = new FollowedRun('run', folder);
  await run.refresh();
  t.equal(run.change().steps, 2);
});

test('a coordinator that is not heard of any more', async (t) => {
  const folder = t.testdir();
  const status = join(folder, 'status.json');
  const run = new FollowedRun('run', folder);
  writeFileSync(status, statusText(1));
  await run.refresh();
  t.equal(run.change().isSilent, false);
  writeFileSync(status, statusText(1, Date.now() - 60_000));
  await run.refresh();
  t.equal(run.change().isSilent, true);
  writeFileSync(status, statusText(1, Date.now() - 60_000).replace('training', 'ended'));
  await run.refresh();
  t.equal(run.change().isSilent, false, 'nor need be, once it is over');
});

test('a folder that cannot be read is told of, once, and tried again', async (t) => {
  const folder = t.testdir({ 'metrics.jsonl': {} });
  const run = new FollowedRun('run', folder);
  await run.refresh();
  await run.refresh();
  t.match(run.snapshot().events, [{ kind: 'notice', line: /^its folder cannot be read: EISDIR/ }]);
  t.equal(run.snapshot().events.length, 1);
  rmSync(join(folder, 'metrics.jsonl'), { recursive: true });
  writeFileSync(join(folder, 'metrics.jsonl'), step(0, 3));
  writeFileSync(join(folder, 'status.json'), '{"state":"odd"}');
  await run.refresh();
  t.equal(run.change().steps, 1);
  t.equal(run.change().status, null, 'a status that is none is none');
});

test('whoever asks while it is read gets what was there when it asked', async (t) => {
  const folder = t.testdir();
  const metrics = join(folder, 'metrics.jsonl');
  writeFileSync(metrics, step(0, 3));
  const run = new FollowedRun('run', folder);
  const first = run.refresh();
  appendFileSync(metrics, step(1, 2));
  await Promise.all([first, run.refresh()]);
  t.equal(run.change().steps, 2);
});
