import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'tap';
import { train } from '../../src/index.js';
import { npyBytes } from '../fixtures/arrays.js';
import { startCli } from '../fixtures/cli.js';

/** Paths in a config file, and those that the library is given, lead to the same files from any folder. */

const count = 40;
const arrays = {
  'x.npy': npyBytes(
    '<f4',
    [count, 2],
    Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(i)),
  ),
  'y.npy': npyBytes(
    '<i4',
    [count],
    Int32Array.from({ length: count }, (_, i) => i % 2),
  ),
  'w.npy': npyBytes('<f4', [count], new Float32Array(count).fill(2)),
  'g.npy': npyBytes(
    '<i4',
    [count],
    Int32Array.from({ length: count }, (_, i) => i >> 2),
  ),
};
const own = { model: '2-4-2', batchSize: 8, epochs: 1, workers: 1, engine: 'reference', name: 'run' };

/** The log of a run's worker, which says where samples come from unless they are the files. */
function workerLog(run: string): string {
  return readFileSync(join(run, 'log', 'worker-0.log'), 'utf8');
}

test('a config in another folder', async (t) => {
  const folder = t.testdir({ sub: arrays, other: {} });
  const data = { x: 'x.npy', y: 'y.npy', sampleWeights: 'w.npy', groups: 'g.npy', test: { x: 'x.npy', y: 'y.npy' } };
  writeFileSync(join(folder, 'sub', 'run.yaml'), JSON.stringify({ ...own, data, runs: 'out' }));
  await startCli(t, ['up', 'sub/run.yaml'], {}, folder).done();
  const run = join(folder, 'sub', 'out', 'run');
  t.notMatch(workerLog(run), /samples come from the coordinator/);
  const config = readFileSync(join(run, 'config.yaml'), 'utf8');
  for (const path of ['x.npy', 'y.npy', 'w.npy', 'g.npy', 'out']) t.match(config, `: ${join(folder, 'sub', path)}\n`);

  const elsewhere = join(folder, 'other');
  await startCli(t, ['evaluate', run], {}, elsewhere).done();
  await startCli(t, ['up', '--resume', run, '--epochs', '2'], {}, elsewhere).done();
  const { stderr } = await startCli(t, ['up', join('..', 'sub', 'run.yaml'), '--resume', 'run', '--epochs', '2'], {}, elsewhere).done();
  t.match(stderr, /nothing to do|all 2 epochs/);
});

test('relative paths of the library', async (t) => {
  const folder = t.testdir(arrays);
  const here = relative('.', folder);
  const path = (name: string): string => join(here, name);
  mkdirSync(join(folder, 'runs'));
  const data = { x: path('x.npy'), y: path('y.npy'), sampleWeights: path('w.npy') };
  const result = await train({ ...own, data, runs: path('runs') });
  t.equal(result.path, path('runs/run'), 'as it was named');
  t.notMatch(workerLog(result.path), /samples come from the coordinator/);
  t.match(readFileSync(join(folder, 'runs', 'run', 'config.yaml'), 'utf8'), `x: ${join(folder, 'x.npy')}\n`);
});
