import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { runWell, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { metricsOf, summaryOf, weightsOf } from '../fixtures/runFolder.js';
import { someImages, writeCsv, writeNpy } from '../fixtures/sources.js';

/** Workers on machines that have not got the run's files. */

const model = ['--model', '784-8-10', '--epochs', '3', '--shards', '4', '--batch-size', '32', '--engine', 'reference', '--no-tensorboard'];

interface Place {
  readonly runs: string;
  /** A folder without the data, and a cache folder of its own. */
  readonly elsewhere: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cache: string;
}

function placeOf(t: Test): Place {
  const runs = t.testdir();
  const [empty, cache] = [join(runs, 'empty'), join(runs, 'cache')];
  for (const folder of [empty, cache]) mkdirSync(folder);
  return { runs, elsewhere: ['--data-root', empty], env: { ...process.env, XDG_CACHE_HOME: cache }, cache };
}

const figuresOf = (path: string): unknown => [
  weightsOf(path),
  metricsOf(path, 'step'),
  metricsOf(path, 'epoch'),
  summaryOf(path)['testLoss'],
];

test('workers without the files get their samples from the coordinator: the same bytes, also in company and a second time', async (t) => {
  const { runs, elsewhere, env, cache } = placeOf(t);
  const files = { ...writeNpy(runs, 'train', someImages('train', 400)), test: writeNpy(runs, 'test', someImages('test', 100)) };
  const data = ['--data', JSON.stringify({ ...files, normalize: 'standardize', classWeights: 'balanced' })];
  await runWell(t, 'up', ...data, ...model, '--workers', '1', '--runs', runs, '--name', 'up');
  const expected = figuresOf(join(runs, 'up'));

  const run = async (name: string, roots: readonly (readonly string[])[]): Promise<string> => {
    const started = await startCoordinator(t, ...data, ...model, '--workers', String(roots.length), '--runs', runs, '--name', name);
    const workers = roots.map((root) => startCli(t, [...started.worker, ...root], env));
    const { stderr } = await started.coordinator.done();
    for (const worker of workers) t.equal((await worker.ended).code, 0);
    t.same(figuresOf(join(runs, name)), expected, name);
    return stderr;
  };
  const alone = await run('alone', [elsewhere]);
  const lines = alone.split('\n').filter((line) => line.includes('lacks'));
  t.equal(lines.length, 1);
  t.match(
    lines[0],
    /^worker 0 lacks the data \(.*train-x\.npy: lies outside .*\): it gets its samples from the coordinator, 792 bytes each, at most 0\.40 MB in all, and keeps them$/,
  );
  t.same(readdirSync(join(cache, 'bpnn-dist', 'samples')).length, 1);
  await run('again', [elsewhere]);
  rmSync(cache, { recursive: true });
  const both = await run('both', [elsewhere, ['--data-root', '/']]);
  t.match(both, /^worker \d lacks the data/m);
});

test('below an aggregator, and of a table', async (t) => {
  const { runs, elsewhere, env } = placeOf(t);
  const table = writeCsv(runs, 'train', someImages('train', 300));
  const data = ['--data', JSON.stringify({ table, target: 'label', normalize: { divide: 255 } })];
  await runWell(t, 'up', ...data, ...model, '--workers', '1', '--runs', runs, '--name', 'up');
  const tree = ['--topology', 'tree', '--workers', '2', '--runs', runs, '--name', 'tree'];
  const { coordinator, address, key, worker } = await startCoordinator(t, ...data, ...model, ...tree);
  startCli(t, ['aggregator', '--connect', address, '--key', key], env);
  await coordinator.line(/^aggregator 0 lets workers in/);
  for (let i = 0; i < 2; i++) startCli(t, [...worker, ...elsewhere], env);
  const { stderr } = await coordinator.done();
  t.equal(stderr.match(/^worker \d lacks the data/gm)?.length, 2);
  t.same(figuresOf(join(runs, 'tree')), figuresOf(join(runs, 'up')));
});

test('a coordinator that has lost its own files says so to whoever lacks them', async (t) => {
  const { runs, elsewhere, env } = placeOf(t);
  const files = writeNpy(runs, 'train', someImages('train', 200));
  const flags = ['--data', JSON.stringify(files), ...model, '--workers', '1', '--min-workers', '1', '--worker-timeout', '1'];
  const { coordinator, worker } = await startCoordinator(t, ...flags, '--runs', runs, '--name', 'run');
  rmSync(files.x);
  const lost = startCli(t, [...worker, ...elsewhere], env);
  t.match(await lost.ended, { code: 1, stderr: /samples that the worker lacks cannot be had: .*train-x\.npy: no such file/ });
  coordinator.kill('SIGTERM');
  await coordinator.ended;
});
