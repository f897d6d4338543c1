import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { npyBytes } from '../fixtures/arrays.js';
import { runCli, runWell } from '../fixtures/cli.js';
import { checkpointsOf, metricsOf } from '../fixtures/runFolder.js';

/** A sample that makes every loss infinite: it ends the run, or its step is dropped. */

const bad = 20;
const inputs = Float32Array.from({ length: 64 }, (_, i) => (i === 2 * bad ? 3e38 : Math.sin(i)));
const targets = Float32Array.from({ length: 32 }, (_, i) => Math.cos(i));
const files = { 'x.npy': npyBytes('<f4', [32, 2], inputs), 'y.npy': npyBytes('<f4', [32, 1], targets) };

/** Four steps an epoch, in order: sample 20 is in step 2, and in the third shard of its four. */
function flags(folder: string): string[] {
  const data = JSON.stringify({ x: join(folder, 'x.npy'), y: join(folder, 'y.npy') });
  return [
    ...['up', '--data', data, '--model', '2-1', '--loss', 'meanSquaredError', '--engine', 'reference', '--no-shuffle', '--epochs', '2'],
    ...['--batch-size', '8', '--shards', '4', '--workers', '2', '--validation-split', '0', '--runs', folder, '--name', 'run'],
  ];
}

test('it ends the run, named, with the weights before it', async (t) => {
  const folder = t.testdir(files);
  const { code, stdout, stderr } = await runCli(t, ...flags(folder));
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, /^worker [01] gave a loss or gradient that is not finite: it is computed once more$/m);
  t.match(
    stderr,
    /^error: step 2: the loss or gradient is not finite \(worker [01], shard 2, samples 20, 21\); the weights before it are saved; lower the learning rate, clip the gradient, or look at these samples$/m,
  );
  const path = join(folder, 'run');
  const last = checkpointsOf(path).at(-1);
  t.equal(last?.progress.step, 2);
  t.ok(last?.optimizer.weights.every(Number.isFinite));
  t.same(
    metricsOf(path, 'step').map(({ step }) => step),
    [0, 1],
  );
});

test('an infinite gradient of a finite loss ends it too, compressed or not', async (t) => {
  const large = inputs.slice();
  large.set([3e38, 0, 3e38, 0], 2 * bad);
  const folder = t.testdir({ ...files, 'x.npy': npyBytes('<f4', [32, 2], large) });
  for (const compression of ['none', 'bf16', 'fp16']) {
    const more = ['--loss', 'meanAbsoluteError', '--compression', compression, '--name', compression];
    const { code, stderr } = await runCli(t, ...flags(folder), ...more);
    t.equal(code, 1, compression);
    t.match(stderr, /^error: step 2: the loss or gradient is not finite \(worker [01], shard 2, samples 20, 21\)/m, compression);
    t.equal(checkpointsOf(join(folder, compression)).at(-1)?.progress.step, 2);
  }
});

test('its steps are dropped where that is asked for', async (t) => {
  const folder = t.testdir(files);
  await runWell(t, ...flags(folder), '--on-non-finite', 'skip');
  const steps = metricsOf(join(folder, 'run'), 'step');
  t.same(
    steps.flatMap(({ step, skipped }) => (skipped === true ? [step] : [])),
    [2, 6],
  );
  t.equal(steps.length, 8);
});

test('not for ever', async (t) => {
  const folder = t.testdir(files);
  const { code, stderr } = await runCli(
    t,
    ...flags(folder),
    '--batch-size',
    '32',
    '--epochs',
    '9',
    '--on-non-finite',
    'skip',
    '--max-skipped',
    '3',
  );
  t.equal(code, 1);
  t.match(stderr, /^error: step 3: the loss or gradient is not finite \(.*\), and 3 steps in a row were dropped before; /m);
});

test('inputs that are not finite are refused before the first step, in whatever part they are', async (t) => {
  const odd = inputs.map((value) => Math.min(value, 1));
  odd[2 * 30 + 1] = Number.NaN;
  const folder = t.testdir({ ...files, 'odd.npy': npyBytes('<f4', [32, 2], odd) });
  const y = join(folder, 'y.npy');
  const problem = `error: ${join(folder, 'odd.npy')}, row 30, column 1: expected a finite float32 number, got NaN: mend the file, or leave the row out\n`;
  for (const [what, data] of [
    ['validation', { x: join(folder, 'odd.npy'), y }],
    ['test', { x: join(folder, 'x.npy'), y, test: { x: join(folder, 'odd.npy'), y } }],
  ] as const) {
    const { code, stderr } = await runCli(t, ...flags(folder), '--data', JSON.stringify(data), '--validation-split', '0.2');
    t.match({ code, stderr }, { code: 1, stderr: problem }, what);
    t.notOk(existsSync(join(folder, 'run')), what);
  }
  // What is read row by row is refused when it is read, by every worker, which is not started again for it.
  const large = ['--data', JSON.stringify({ x: join(folder, 'odd.npy'), y }), '--memory-limit', '100B'];
  const { code, stderr } = await runCli(t, ...flags(folder), ...large);
  t.equal(code, 1);
  t.match(stderr, /^error: worker [01] .*odd\.npy, row 30, column 1: expected a finite float32 number, got NaN: mend/m);
  t.notMatch(stderr, /starting it again/);
});

test('a run without a finite evaluation has no best model, and says so', async (t) => {
  const far = inputs.map((value, i) => (i >= 2 * 28 ? 3e38 : Math.min(value, 1)));
  const folder = t.testdir({ ...files, 'x.npy': npyBytes('<f4', [32, 2], far) });
  const { code, stdout, stderr } = await runCli(
    t,
    ...flags(folder),
    '--model',
    '2-64-1',
    '--engine',
    'onnx',
    '--validation-split',
    '0.125',
    '--early-stopping-patience',
    '1',
  );
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, /^epoch 1: valLoss is (Infinity|NaN): outputs or losses of some of its samples are beyond float32 /m);
  t.match(stderr, /^error: no epoch has a finite valLoss: there is no best model; the final weights are in .*run\/final$/m);
  const data = JSON.stringify({ x: join(folder, 'good.npy'), y: join(folder, 'y.npy') });
  writeFileSync(join(folder, 'good.npy'), npyBytes('<f4', [32, 2], new Float32Array(64).fill(0.5)));
  const evaluated = await runWell(t, 'evaluate', join(folder, 'run'), '--data', data);
  t.match(evaluated.stderr, /run: has kept no best model: its final weights are taken\n/);
});
