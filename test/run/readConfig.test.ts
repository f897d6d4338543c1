import { join, resolve } from 'node:path';
import { test } from 'tap';
import { readConfig, withWorkers } from '../../src/run/readConfig.js';
import { ConfigError, UsageError } from '../../src/shared/text/errors.js';

/** A config from a file, from values, and from both: the same reading for flags and the library. */

const library = { valuesName: 'config', fallbackName: 'run' };
const data = '{ x: x.npy, y: /data/y.npy, sampleWeights: w.npy, test: { x: ../t.npy, y: https://a.org/t.npy } }';

test('paths begin where they stand: in a file at its folder, in values at the working directory', async (t) => {
  const folder = t.testdir({ 'small.yaml': `data: ${data}\nruns: kept\nepochs: 2\ninitialWeights: w.bin\n` });
  const file = join(folder, 'small.yaml');
  const { config, given, name } = await readConfig({ file, values: { initialWeights: 'mine.bin', batchSize: 8 }, ...library });
  t.match(given['data'], {
    x: join(folder, 'x.npy'),
    y: '/data/y.npy',
    sampleWeights: join(folder, 'w.npy'),
    test: { x: resolve(folder, '../t.npy'), y: 'https://a.org/t.npy' },
  });
  t.equal(config.initialWeights, resolve('mine.bin'));
  t.equal(config.runs, join(folder, 'kept'));
  t.same([config.batchSize, config.epochs, name], [8, 2, 'small']);
  const fromValues = await readConfig({ values: { data: { x: 'x.npy', y: 'y.npy' } }, ...library });
  t.match(fromValues.given['data'], { x: resolve('x.npy'), y: resolve('y.npy') });
  t.equal(fromValues.name, 'run');
});

test('a table names columns where arrays name files, wherever it is said that it is one', async (t) => {
  const file = join(t.testdir({ 'a.yaml': 'data: { target: y, sampleWeights: w }' }), 'a.yaml');
  const { given } = await readConfig({ file, values: { data: { table: 'a.csv' } }, ...library });
  t.match(given['data'], { table: resolve('a.csv'), sampleWeights: 'w' });
});

test('errors name what was read', async (t) => {
  const folder = t.testdir({ 'list.yaml': '- 1\n', 'typo.yaml': 'batchsize: 8\n' });
  const none = join(folder, 'none.yaml');
  await t.rejects(readConfig({ file: none, ...library }), new UsageError(`${none}: no such config file`));
  await t.rejects(readConfig({ file: join(folder, 'list.yaml'), ...library }), ConfigError);
  await t.rejects(readConfig({ file: join(folder, 'typo.yaml'), values: { epochs: 1 }, ...library }), { message: /typo\.yaml and config/ });
  await t.rejects(readConfig({ values: { batchSize: 0 }, ...library }), { message: /^config/ });
});

test('a model that is gone is only missed by a run that needs it', async (t) => {
  const values = { from: 'gone.h5', freeze: 1 };
  await t.rejects(readConfig({ values, ...library }), { message: /gone\.h5/ });
  const { missing, given } = await readConfig({ values, mayResume: true, ...library });
  t.match(missing, { message: /gone\.h5/ });
  t.same(given, {});
});

test('another number of workers decides defaults anew', async (t) => {
  const read = await readConfig({ values: { batchSize: 64, workers: 2 }, ...library });
  const more = withWorkers(read, 8);
  t.same([read.config.shards, more.config.shards, more.config.workers, more.given['workers']], [4, 8, 8, 8]);
  t.equal(withWorkers(more, 8), more);
  t.throws(() => withWorkers(more, 0), ConfigError);
});
