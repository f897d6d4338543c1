import { join } from 'node:path';
import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { someMnist, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { metricsOf } from '../fixtures/runFolder.js';

const config = [...someMnist, '--model', '784-16-10', '--epochs', '2', '--workers', '2', '--shards', '4', '--name', 'run'] as const;
const difference =
  /^worker 1 computes other bits \(onnxruntime-\S+ \S+ \S+ on .+\) than worker 0 \(OpenBLAS .+\): from here on the weights depend on who computes what$/;

test('workers of different engines', { skip: !hasBlas(1) && 'this machine has one engine for a worker to choose' }, async (t) => {
  const runs = t.testdir();
  const run = await startCoordinator(t, ...config, '--mixed-numerics', 'true', '--runs', runs);
  startCli(t, run.worker);
  await run.coordinator.line(/^worker 0 is ready: OpenBLAS/);
  startCli(t, run.worker, { BPNN_DIST_BLAS: 'none' });
  await run.coordinator.line(difference);
  await run.coordinator.done();
  t.equal(metricsOf(join(runs, 'run'), 'epoch').length, 2);
});

test('where that was not asked for, a joiner takes the engine of the first', {
  skip: !hasBlas(1) && 'this machine has one engine for a worker to choose',
}, async (t) => {
  const run = await startCoordinator(t, ...config, '--runs', t.testdir());
  const second = startCli(t, run.worker, { BPNN_DIST_BLAS: 'none' });
  await run.coordinator.line(/^worker 0 is ready: onnxruntime/);
  const first = startCli(t, run.worker);
  await run.coordinator.line(/^worker 1 is ready: onnxruntime/);
  await run.coordinator.done();
  const ends = await Promise.all([first.done(), second.done()]);
  t.same(
    ends.map(({ code }) => code),
    [0, 0],
  );
});
