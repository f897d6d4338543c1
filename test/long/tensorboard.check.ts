import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import { runWell, someMnist, startCli } from '../fixtures/cli.js';
import { pythonWith } from '../fixtures/python.js';
import { metricsOf } from '../fixtures/runFolder.js';
import { skipReason } from '../install/command.js';

/** TensorBoard, from the Python package index, reads what runs write for it: `npm run test:tensorboard`. */

interface Found {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly histograms: Readonly<Record<string, readonly (readonly [step: number, num: number, counted: number])[]>>;
  readonly hparams: Readonly<Record<string, unknown>>;
}

const config = [...someMnist, '--model', '784-16-10', '--workers', '1', '--shards', '2', '--name', 'run'] as const;

const skip = skipReason();
const python = skip ? '' : pythonWith(tap, ['tensorboard==2.21.0']);

function read(folder: string): Found {
  const script = fileURLToPath(new URL('readEvents.py', import.meta.url));
  return JSON.parse(execFileSync(python, [script, folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

test("TensorBoard's own reader gives back a run's figures", { skip }, async (t) => {
  const runs = t.testdir();
  const run = join(runs, 'run');
  await runWell(t, 'up', ...config, '--epochs', '2', '--runs', runs);
  const { scalars, histograms, hparams } = read(run);
  const steps = metricsOf(run, 'step');
  const epochs = metricsOf(run, 'epoch');
  t.equal(steps.length, 30);
  for (const name of ['loss', 'accuracy', 'learningRate', 'noiseScale']) {
    const expected = steps.flatMap(({ step, [name]: value }) => (value === null ? [] : [[step, Math.fround(Number(value))]]));
    t.same(scalars[`step/${name}`], expected, name);
  }
  for (const name of ['loss', 'valLoss', 'valAccuracy'])
    t.same(
      scalars[`epoch/${name}`],
      epochs.map((line, i) => [15 * i + 14, Math.fround(Number(line[name]))]),
      name,
    );
  for (const what of ['weights', 'gradients']) {
    const all = [784 * 16, 16, 160, 10];
    const tags = ['dense0/kernel', 'dense0/bias', 'dense1/kernel', 'dense1/bias'];
    for (const [i, tag] of tags.entries())
      t.same(
        histograms[`${what}/${tag}`],
        [14, 29].map((step) => [step, all[i], all[i]]),
        `${what} ${tag}`,
      );
  }
  t.match(hparams, { network: '784-16-10', optimizer: 'adam', learningRate: 0.001, batchSize: 32, seed: 1 });

  await runWell(t, 'up', '--resume', 'run', '--runs', runs, '--epochs', '3');
  t.equal(readdirSync(run).filter((name) => name.startsWith('events.out.tfevents.')).length, 2);
  t.same(
    read(run).scalars['step/loss']?.map(([step]) => step),
    Array.from({ length: 45 }, (_, i) => i),
    'every step once',
  );
});

test('a run that was killed and resumed has every step once', { skip }, async (t) => {
  const runs = t.testdir();
  const cli = startCli(t, ['up', ...config, '--epochs', '200', '--runs', runs, '--checkpoint-every', '10']);
  await cli.line(/^epoch 3\/200/);
  cli.kill('SIGKILL');
  await cli.ended;
  await runWell(t, 'up', '--resume', 'run', '--runs', runs);
  t.equal(readdirSync(join(runs, 'run')).filter((name) => name.startsWith('events.out.tfevents.')).length, 2);
  const stride = Math.ceil((200 * 15) / 300);
  t.same(
    read(join(runs, 'run')).scalars['step/loss']?.map(([step]) => step),
    Array.from({ length: (200 * 15) / stride }, (_, i) => stride * i),
  );
});

test('without it there is no event file', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--epochs', '1', '--runs', runs, '--no-tensorboard');
  t.same(
    readdirSync(join(runs, 'run')).filter((name) => name.includes('tfevents')),
    [],
  );
});
