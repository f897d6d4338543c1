import { join } from 'node:path';
import { test } from 'tap';
import { loadModel } from '../../src/inference/loadModel.js';
import { writeRun, writeWeights } from './runs.js';

const model = { inputShape: [1], layers: [{ dense: 1 }] };
const config = { model, loss: 'meanSquaredError', metrics: ['mae'], data: { normalize: { divide: 4 } } };

test('a run gives its best model, or its final one where there is no best', async (t) => {
  const run = t.testdir();
  const spec = writeRun(run, config);
  await writeWeights(join(run, 'final'), spec, [2, 0]);
  const final = await loadModel(run);
  t.match(final, {
    folder: join(run, 'final'),
    spec,
    weights: [2, 0],
    loss: 'meanSquaredError',
    metrics: ['mae'],
    preparation: { divide: 4 },
  });
  t.equal(final.engine.engine, 'reference');
  await writeWeights(join(run, 'best'), spec, [3, 0]);
  t.same([...(await loadModel(run)).weights], [3, 0]);
  t.same([...(await loadModel(run, { weights: 'final' })).weights], [2, 0]);
});

test('a model alone knows what its model.json says', async (t) => {
  const folder = t.testdir();
  const spec = writeRun(join(folder, 'run'), config);
  await writeWeights(join(folder, 'model'), spec, [2, 0], { loss: 'meanAbsoluteError', metrics: ['mse'], normalize: { divide: 8 } });
  const options = { engine: 'reference' };
  t.match(await loadModel(join(folder, 'model'), options), {
    config: undefined,
    loss: 'meanAbsoluteError',
    metrics: ['mse'],
    preparation: { divide: 8 },
  });
  await writeWeights(join(folder, 'bare'), spec, [2, 0]);
  t.match(await loadModel(join(folder, 'bare'), options), { loss: undefined, metrics: [], preparation: undefined });
});

test('mnist is divided by 255', async (t) => {
  const run = t.testdir();
  const spec = writeRun(run, config);
  await writeWeights(join(run, 'best'), spec, [2, 0]);
  t.same((await loadModel(run)).preparation, { divide: 4 });
  t.testdir({ run: { 'config.yaml': 'data: mnist\nengine: reference\n' } });
  const mnist = join(t.testdirName, 'run');
  await writeWeights(join(mnist, 'best'), spec, [2, 0]);
  t.same((await loadModel(mnist)).preparation, { divide: 255 });
});

test('what cannot be loaded is named', async (t) => {
  const folder = t.testdir({ empty: {}, bad: { 'config.yaml': 'epochs: [' }, wrong: { 'config.yaml': 'epochs: no' } });
  const spec = writeRun(join(folder, 'new'), config);
  const refuses = (name: string, weights: 'best' | 'final' | undefined, error: { name: string; message: RegExp }) =>
    t.rejects(loadModel(join(folder, name), { weights }), error);
  await refuses('nothing', undefined, { name: 'UsageError', message: /nothing: no such folder or file$/ });
  await refuses('empty', undefined, {
    name: 'UsageError',
    message: /neither a run nor a model: expected best.* or final.*, or model.json, in it$/,
  });
  await refuses('new', undefined, {
    name: 'UsageError',
    message: /no such model yet: expected best\/weights.bin or final\/weights.bin in it$/,
  });
  await writeWeights(join(folder, 'new/final'), spec, [2, 0]);
  await refuses('new', 'best', { name: 'UsageError', message: /no such model yet: expected best\/weights.bin in it$/ });
  await refuses('new/final', 'best', { name: 'UsageError', message: /best can be asked for only of a run$/ });
  for (const name of ['bad', 'wrong']) await writeWeights(join(folder, name, 'best'), spec, [2, 0]);
  await refuses('bad', undefined, { name: 'DataError', message: /bad\/config.yaml: cannot be read/ });
  await refuses('wrong', undefined, { name: 'ConfigError', message: /wrong\/config.yaml: one problem\n {2}epochs:/ });
  await t.rejects(loadModel(join(folder, 'new'), { engine: 'abacus' }), { name: 'UsageError', message: /abacus/ });
});
