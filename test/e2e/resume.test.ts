import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type Cli, runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** A run that was stopped, however, goes on to the bytes of the run that was not. */

/** All that has state: dropout, early stopping with its best weights, a plateau, momentum. */
const stateful = [
  ...someMnist,
  ...[
    '--model',
    '{ inputShape: [28, 28], layers: [flatten, dense: { units: 16, activation: relu }, dropout: 0.5, dense: { units: 10, activation: softmax }] }',
  ],
  ...['--optimizer', '{ name: sgd, momentum: 0.9, learningRate: 0.2 }'],
  ...['--epochs', '40', '--shards', '4', '--checkpoint-every', '7', '--checkpoint-keep', '1000'],
  ...['--early-stopping-patience', '30', '--early-stopping-restore-best-weights', 'true', '--reduce-on-plateau-patience', '2'],
];

async function undisturbed(t: Test, runs: string): Promise<string> {
  await runWell(t, 'up', ...stateful, '--runs', runs, '--name', 'undisturbed', '--workers', '2');
  return join(runs, 'undisturbed');
}

/** Steps and epochs, without what became of the workers. */
function figuresOf(path: string): unknown[] {
  return [...metricsOf(path, 'step'), ...metricsOf(path, 'epoch')];
}

function checkSame(t: Test, path: string, other: string): void {
  t.same(weightsOf(path), weightsOf(other));
  t.same(figuresOf(path), figuresOf(other), 'metrics without gap or double');
}

function start(t: Test, runs: string, ...flags: string[]): Cli {
  return startCli(t, ['up', ...stateful, '--runs', runs, '--name', 'disturbed', ...flags]);
}

test('killed, interrupted, and resumed with other numbers of workers', async (t) => {
  const runs = t.testdir();
  const whole = await undisturbed(t, runs);
  const path = join(runs, 'disturbed');
  const first = start(t, runs, '--workers', '2');
  await first.line(/^epoch 5\/40 /);
  first.kill('SIGKILL');
  await first.ended;
  t.notOk(existsSync(join(path, 'summary.json')));

  const second = startCli(t, ['up', '--resume', path, '--workers', '3']);
  await second.line(/^epoch 12\/40 /);
  second.kill('SIGINT');
  const { code, stderr } = await second.ended;
  t.equal(code, 130);
  t.match(stderr, /^stopped after step \d+, with a checkpoint$/m);

  await runWell(t, 'up', '--resume', 'auto', '--runs', runs, '--name', 'disturbed', '--workers', '1');
  checkSame(t, path, whole);

  const over = await runCli(t, 'up', '--resume', path);
  t.equal(over.code, 0);
  t.match(over.stderr, /disturbed: nothing to do: .*; the run has done \d+ epochs, \d+ steps; to train further, give .*\n$/);
  checkSame(t, path, whole);
});

test('from every checkpoint that there is', async (t) => {
  const runs = t.testdir();
  const whole = await undisturbed(t, runs);
  const checkpoints = readdirSync(join(whole, 'checkpoints')).sort();
  for (const keep of [1, Math.floor(checkpoints.length / 2), checkpoints.length]) {
    const path = join(runs, `from-${keep}`);
    await runWell(t, 'up', ...stateful, '--runs', runs, '--name', `from-${keep}`, '--workers', '1');
    for (const name of checkpoints.slice(keep)) truncateSync(join(path, 'checkpoints', name), 100);
    rmSync(join(path, 'summary.json'));
    const { stderr } = await runWell(t, 'up', '--resume', path);
    t.equal(
      stderr.match(/^skipping step-\d+\.checkpoint: the checksum does not fit; the file is cut short or damaged$/gm)?.length ?? 0,
      checkpoints.length - keep,
    );
    checkSame(t, path, whole);
  }
});

test('--resume auto starts where there is nothing to go on with', async (t) => {
  const runs = t.testdir();
  const flags = ['up', ...someMnist, '--runs', runs, '--epochs', '1', '--workers', '1', '--resume', 'auto'];
  await runWell(t, ...flags, '--name', 'named');
  t.ok(existsSync(join(runs, 'named', 'summary.json')));
  await runWell(t, ...flags);
  t.equal(readdirSync(runs).length, 2, 'a run that is over is not taken up again');
  const again = await runWell(t, ...flags, '--name', 'named');
  t.match(
    again.stderr,
    /named: nothing to do: all epochs are done; the run has done 1 epoch, 15 steps; to train further, give more --epochs\n$/,
    'and for whoever starts it for ever that is no failure',
  );
});

test('more epochs go on with a run that is over', async (t) => {
  const runs = t.testdir();
  const flags = [...someMnist, '--runs', runs, '--workers', '1', '--shards', '4'];
  await runWell(t, 'up', ...flags, '--name', 'long', '--epochs', '5');
  await runWell(t, 'up', ...flags, '--name', 'short', '--epochs', '3');
  await runWell(t, 'up', '--resume', join(runs, 'short'), '--epochs', '5');
  checkSame(t, join(runs, 'short'), join(runs, 'long'));
});

test('another config, other data, or a run that is running: refused, and nothing is changed', async (t) => {
  const runs = t.testdir();
  const up = start(t, runs, '--workers', '1', '--epochs', '100000', '--early-stopping-patience', '100000');
  await up.line(/^epoch 2\//);
  const path = join(runs, 'disturbed');
  const running = await runCli(t, 'up', '--resume', path);
  t.equal(running.code, 2);
  t.match(
    running.stderr,
    new RegExp(`: this run is being trained by process ${up.pid} on .*; stop that first \\(lock file: ${path}/lock\\)\n$`),
  );
  up.kill('SIGTERM');
  t.equal((await up.ended).code, 130);

  const other = await runCli(t, 'up', '--resume', path, '--batch-size', '16', '--seed', '2', '--workers', '1');
  t.equal(other.code, 2);
  t.equal(
    other.stderr,
    `error: ${path} cannot go on with another config: 2 problems\n  batchSize: the run has 32, got 16\n  seed: the run has 1, got 2\n`,
  );
  const data = await runCli(t, 'up', '--resume', path, '--data', '{ name: mnist, take: 500 }');
  t.equal(data.code, 1);
  t.match(data.stderr, /^error: the run was trained on other data: expected fingerprint [0-9a-f]{16}, got [0-9a-f]{16}\n$/);
  t.match(await runCli(t, 'up', '--resume', 'nowhere', '--runs', runs), {
    code: 2,
    stderr: `error: --resume nowhere: no such run, neither as a folder nor in ${runs}\n`,
  });
});
