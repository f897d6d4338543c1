import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { ScaleResults } from '../../src/experiments/runGrid.js';
import { runCli, runWell, startCli, type Teardown } from '../fixtures/cli.js';

/** Experiments over batch sizes, from the command to the report. */

const data = ['--data', '{ name: mnist, take: 400 }', '--model', '784-8-10', '--engine', 'reference', '--epochs', '2'];
const grid = ['--batch-sizes', '16,64', '--workers', '1,2', '--seeds', '1', '--timing-steps', '10', '--target-accuracy', '0.3'];
const ruled = [...grid, '--reference-batch', '16', '--warmup-epochs', '0'];

async function scale(t: Teardown, out: string, ...flags: readonly string[]): Promise<ScaleResults & { readonly words: readonly string[] }> {
  await runWell(t, 'scale', ...data, '--out', out, ...flags);
  return JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
}

test('a grid: every cell a run, results as JSON, CSV and a page, and nothing done twice', async (t) => {
  const out = join(t.testdir(), 'experiment');
  const results = await scale(t, out, ...ruled);
  t.same(
    results.timings.map(({ batchSize, workers }) => [batchSize, workers]),
    [
      [16, 1],
      [16, 2],
      [64, 1],
      [64, 2],
    ],
  );
  t.same(
    results.trainings.map(({ batchSize, variant }) => [batchSize, variant]),
    [
      [16, 'none'],
      [16, 'linear'],
      [16, 'sqrt'],
      [64, 'none'],
      [64, 'linear'],
      [64, 'sqrt'],
    ],
  );
  t.same(results.failures, []);
  t.same(readdirSync(join(out, 'runs')).sort(), [
    ...['b16-none-s1', 'b64-linear-s1', 'b64-none-s1', 'b64-sqrt-s1'],
    ...['time-b16-w1', 'time-b16-w2', 'time-b64-w1', 'time-b64-w2'],
  ]);
  const rates = new Map(results.trainings.map(({ batchSize, variant, learningRate }) => [`${batchSize} ${variant}`, learningRate]));
  t.equal(rates.get('64 none'), 0.001);
  t.ok(Math.abs((rates.get('64 linear') ?? 0) / 0.004 - 1) < 1e-9);
  t.ok(Math.abs((rates.get('64 sqrt') ?? 0) / 0.002 - 1) < 1e-9);
  t.ok(results.trainings.every(({ curve, noiseScale }) => curve.length === 2 && noiseScale !== undefined));
  t.ok(results.words.length >= 4);

  const csv = readFileSync(join(out, 'results.csv'), 'utf8').trimEnd().split('\n');
  t.match(csv[0], /^kind,batchSize,variant,learningRate,seeds,reached,stepsToTarget,/);
  t.equal(csv.length, 1 + 6 + 4);
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  t.match(page, /<svg .*<title>Samples a second by workers<\/title>/s);
  t.notMatch(page, /(?:src|href)="|@import|NaN|undefined/, 'it needs nothing else, and says nothing senseless');

  const summary = join(out, 'runs', 'b64-none-s1', 'summary.json');
  const before = statSync(summary).mtimeMs;
  const again = await scale(t, out, ...ruled, '--batch-sizes', '16,64,128');
  t.equal(statSync(summary).mtimeMs, before, 'what is done stays');
  t.equal(again.trainings.length, 9);
});

test('an experiment that is stopped goes on where it was', async (t) => {
  const out = join(t.testdir(), 'experiment');
  const flags = ['scale', ...data, ...ruled, '--epochs', '30', '--lr-scaling', 'none', '--out', out];
  const cli = startCli(t, flags);
  await cli.line(/^cell 5 of 6: b16-none-s1/);
  cli.kill('SIGINT');
  const stopped = await cli.ended;
  t.equal(stopped.code, 130, stopped.stderr);
  t.notOk(existsSync(join(out, 'report.html')));
  const { stderr } = await runWell(t, ...flags);
  t.match(stderr, /^cell 5 of 6: b16-none-s1(, going on)?$/m);
  t.notMatch(stderr, /^cell 1 of 6/m);
  t.ok(existsSync(join(out, 'report.html')));
});

test('cells one by one, as jobs of a cluster run them, and their report', async (t) => {
  const out = join(t.testdir(), 'experiment');
  const flags = [...data, ...ruled, '--workers', '1', '--lr-scaling', 'none,linear', '--out', out];
  const { stdout } = await runWell(t, 'scale', ...flags, '--list');
  // The rules share one training at the reference batch.
  t.equal(stdout, '1  time-b16-w1\n2  time-b64-w1\n3  b16-none-s1\n4  b64-none-s1\n5  b64-linear-s1\n');
  t.notOk(existsSync(out));
  await Promise.all(['2', '4'].map((number) => runWell(t, 'scale', ...flags, '--cell', number)));
  t.notOk(existsSync(join(out, 'report.html')));
  const { stderr } = await runWell(t, 'scale', ...flags, '--cell', '3');
  t.match(stderr, /^cell 3 of 5: b16-none-s1$/m);
  await runWell(t, 'scale', ...flags, '--report');
  const results: ScaleResults = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  t.equal(results.trainings.length, 3);
  t.equal(results.timings.length, 1);
  t.same(results.failures, [
    { name: 'time-b16-w1', reason: 'it has not been run' },
    { name: 'b64-linear-s1', reason: 'it has not been run' },
  ]);
  const beyond = await runCli(t, 'scale', ...flags, '--cell', '6');
  t.match(beyond, { code: 2, stderr: 'error: --cell: expected 1 to 5, got 6\n' });
});

test('a batch of more than the training samples takes all of them, and is told of', async (t) => {
  const out = join(t.testdir(), 'experiment');
  const flags = ['--batch-sizes', '4096', '--workers', '1', '--seeds', '1', '--timing-steps', '3', '--lr-scaling', 'none', '--out', out];
  const { stderr } = await runWell(t, 'scale', ...data, ...flags);
  t.match(stderr, /^a batch of 4096 is more than the 320 training samples: every step takes all of them$/m);
  const { failures, trainings, timings }: ScaleResults = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  t.same(failures, []);
  t.match([...trainings, ...timings], [{ batchSize: 320, steps: 2 }, { batchSize: 320 }]);
});

test('a cell that fails leaves the others alone, and is named', async (t) => {
  const out = join(t.testdir(), 'experiment');
  const results = await scale(t, out, ...grid, '--learning-rates', '0.001,1e38');
  t.same(
    results.failures.map(({ name }) => name),
    ['b16-rate-1e-38-s1', 'b64-rate-1e-38-s1'],
  );
  t.match(results.failures[0]?.reason, /not finite/);
  t.equal(results.trainings.length, 2);
  t.match(readFileSync(join(out, 'report.html'), 'utf8'), /Cells that failed.*b16-rate-1e-38-s1/s);
});

test('bad input is refused before anything runs', async (t) => {
  const out = join(t.testdir({ other: { 'experiment.json': '{"epochs":7}' }, broken: { 'experiment.json': '{"epochs":' } }), 'new');
  const refused = async (flags: readonly string[], message: RegExp, folder = out): Promise<void> => {
    const { code, stderr } = await runCli(t, 'scale', ...data, '--out', folder, ...flags);
    t.equal(code, 2, stderr);
    t.match(stderr, message);
  };
  await refused(['--batch-sizes', ''], /--batch-sizes: expected a list such as 1,2,4, got ""/);
  await refused(['--batch-sizes', '16,x'], /--batch-sizes: expected a whole number of at least 1, got x/);
  await refused(['--batch-sizes', '2'], /--batch-sizes: expected at least 4, got 2: every cell has the same 4 shards/);
  await refused(['--workers', '0'], /--workers: expected a whole number of at least 1, got 0/);
  await refused(['--lr-scaling', 'cube'], /--lr-scaling: expected none, linear, sqrt, got cube/);
  await refused(['--target-accuracy', '97'], /--target-accuracy: expected at most 1, got 97/);
  await refused(['--sweep', 'both'], /--sweep: expected strong, weak, got both/);
  for (const [flag, value] of [
    ['--lr-scaling', 'linear'],
    ['--learning-rate', '0.01'],
    ['--reference-batch', '16'],
    ['--warmup-epochs', '0'],
  ] as const) {
    const message = new RegExp(`option '--learning-rates <a,b>' cannot be used with option '${flag} `);
    await refused([flag, value, '--learning-rates', '0.1,0.2'], message);
  }
  await refused(
    ruled,
    /holds an experiment with another config \(.*epochs.* differ\); name another folder with --out/,
    join(t.testdirName, 'other'),
  );
  const broken = await runCli(t, 'scale', ...data, ...ruled, '--out', join(t.testdirName, 'broken'));
  t.equal(broken.code, 1);
  t.match(broken.stderr, /^error: .*experiment\.json: is not JSON: .*\n$/, 'and no stack');
  t.notOk(existsSync(out), 'and nothing is written');
});
