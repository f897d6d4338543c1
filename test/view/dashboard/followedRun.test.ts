import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { FollowedRun } from '../../../src/view/dashboard/followedRun.js';

const step = (number: number, loss: unknown): string =>
  `${JSON.stringify({ kind: 'step', epoch: 0, step: number, samples: 32, loss, learningRate: 0.1, noiseScale: null })}\n`;

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
  writeFileSync(status, '{"startedAt":1}');
  await run.refresh();
  const { generation } = run.change();
  // It has come further than before when it is looked at again.
  writeFileSync(metrics, step(0, 3) + step(1, 5) + step(2, 4));
  writeFileSync(status, '{"startedAt":2}');
  await run.refresh();
  t.same(run.series(0, 9, 1).columns['loss'], { mean: [3, 5, 4] });
  t.not(run.change().generation, generation);
  writeFileSync(metrics, step(0, 7));
  await run.refresh();
  t.same(run.series(0, 9, 1).columns['loss'], { mean: [7] }, 'shorter than what was read');
});

test('the time of steps, from the lines of pace', async (t) => {
  const folder = t.testdir();
  const line = (entry: object): string => `${JSON.stringify(entry)}\n`;
  const run = new FollowedRun('run', folder);
  const lines = [
    line({ kind: 'worker', time: 10_000, worker: 'worker 0', event: 'ready', line: 'is ready' }),
    ...Array.from({ length: 6 }, (_, i) => step(i, 1)),
    line({ kind: 'pace', time: 12_000, step: 4, samplesPerSecond: 64 }),
    line({ kind: 'pace', time: 16_000, step: 5, samplesPerSecond: 8 }),
  ];
  writeFileSync(join(folder, 'metrics.jsonl'), lines.join(''));
  await run.refresh();
  t.same(run.series(0, 6, 1).seconds, [0.5, 1, 1.5, 2, 6, 10], 'in a straight line between them, and beyond the last');
});

test('a line that a full disk has cut is passed over', async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'metrics.jsonl'), `${step(0, 3)}{"kind":"step","epo\n${step(1, 2)}`);
  const run = new FollowedRun('run', folder);
  await run.refresh();
  t.equal(run.change().steps, 2);
});
