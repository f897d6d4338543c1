import { mkdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** What befalls the folder of a run, while it trains and between two processes that train it. */

const flags = [...someMnist, '--workers', '1', '--shards', '4'];
const endless = ['--epochs', '1000000'];

test('a working directory that is removed ends the run, with the name of its folder', async (t) => {
  const folder = join(t.testdir(), 'gone');
  mkdirSync(folder);
  const up = startCli(t, ['up', ...flags, ...endless, '--name', 'run'], {}, folder);
  await up.line(/^epoch 2\//);
  rmSync(folder, { recursive: true });
  const { code, stderr } = await up.ended;
  t.equal(code, 1);
  t.match(stderr, `error: ${folder}/runs/run: the run's folder is gone: it was removed or renamed while the run trained\n`);
});

test('metrics that a crash has torn are reported, and continue on a line of their own', async (t) => {
  const runs = t.testdir();
  const path = join(runs, 'run');
  await runWell(t, 'up', ...flags, '--runs', runs, '--name', 'run', '--epochs', '3');
  const metrics = join(path, 'metrics.jsonl');
  truncateSync(metrics, statSync(metrics).size - 700);
  const { stderr } = await runWell(t, 'up', '--resume', path, '--epochs', '5');
  t.match(
    stderr,
    /metrics\.jsonl: expected \d+ bytes at the checkpoint, got \d+ with whole lines; the metrics after step \d+ up to this resume are lost\n/,
  );
  const lines = readFileSync(metrics, 'utf8').trim().split('\n');
  t.ok(lines.every((line) => JSON.parse(line)));
  t.same(
    metricsOf(path, 'epoch')
      .slice(-2)
      .map(({ epoch }) => epoch),
    [3, 4],
  );
});

test('of several that resume a run at once, one trains it', async (t) => {
  const runs = t.testdir();
  const path = join(runs, 'run');
  const up = startCli(t, ['up', ...flags, ...endless, '--runs', runs, '--name', 'run']);
  await up.line(/^epoch 2\//);
  up.kill('SIGKILL');
  await up.ended;
  const ends = await Promise.all(Array.from({ length: 3 }, () => runCli(t, 'up', '--resume', path, '--epochs', '40')));
  const trained = ends.filter(({ stderr }) => /^epoch 40\/40 /m.test(stderr));
  t.equal(trained.length, 1);
  t.equal(trained[0]?.code, 0);
  const steps = metricsOf(path, 'step').map(({ step }) => step);
  t.same(
    steps,
    [...new Set(steps)].sort((a, b) => Number(a) - Number(b)),
  );
  t.equal(steps.length, 40 * 15);

  await runWell(t, 'up', ...flags, '--runs', runs, '--name', 'undisturbed', '--epochs', '40');
  t.same(weightsOf(path), weightsOf(join(runs, 'undisturbed')));
});

test('of several that begin a run of one name at once, one trains it, and is named', async (t) => {
  const runs = t.testdir();
  const begin = (): ReturnType<typeof runCli> => runCli(t, 'up', ...flags, '--runs', runs, '--name', 'run', '--epochs', '1');
  const ends = await Promise.all([begin(), begin()]);
  t.same(ends.map(({ code }) => code).sort(), [0, 2]);
  t.match(
    ends.find(({ code }) => code === 2)?.stderr,
    new RegExp(`^error: ${runs}/run: this run exists already, and is being trained by process \\d+ on .*bpnn-dist slurm`, 'm'),
  );
});
