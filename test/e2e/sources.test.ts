import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { train } from '../../src/index.js';
import { runWell } from '../fixtures/cli.js';
import { metricsOf, summaryOf } from '../fixtures/runFolder.js';
import { someImages, writeCsv, writeIdx, writeJsonLines, writeNpy, writeNpz, writeParquet, writePngs } from '../fixtures/sources.js';

test('the same samples from every kind of file give the same weights, loaded or read from disk', async (t) => {
  const folder = t.testdir();
  const [images, judged] = [someImages('train', 300), someImages('test', 80)];
  const tables = (table: string, test: string) => ({ table, target: 'label', test: { table: test } });
  const sources: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    idx: { ...writeIdx(folder, 'train', images), test: writeIdx(folder, 'test', judged) },
    npy: { ...writeNpy(folder, 'train', images), test: writeNpy(folder, 'test', judged) },
    npz: { ...(await writeNpz(folder, 'train', images, false)), test: await writeNpz(folder, 'test', judged, true) },
    csv: tables(writeCsv(folder, 'train', images), writeCsv(folder, 'test', judged)),
    jsonLines: tables(writeJsonLines(folder, 'train', images), writeJsonLines(folder, 'test', judged)),
    parquet: tables(writeParquet(folder, 'train', images, 100), writeParquet(folder, 'test', judged, 100)),
    png: { images: await writePngs(folder, 'png-train', images), test: { images: await writePngs(folder, 'png-test', judged) } },
  };
  const common = {
    model: {
      inputShape: [28, 28],
      layers: ['flatten', { dense: { units: 8, activation: 'relu' } }, { dense: { units: 10, activation: 'softmax' } }],
    },
  };
  const results = new Map<string, { readonly bytes: Buffer; readonly figures: unknown }>();
  const runs = join(folder, 'runs');
  const run = async (name: string, data: unknown, more: object = {}): Promise<void> => {
    const { path } = await train({
      ...common,
      data,
      epochs: 2,
      batchSize: 16,
      shards: 2,
      workers: 1,
      engine: 'onnx',
      tensorboard: false,
      runs,
      name,
      ...more,
    });
    results.set(name, {
      bytes: readFileSync(join(path, 'final', 'weights.bin')),
      figures: [metricsOf(path, 'epoch'), summaryOf(path)['testLoss']],
    });
  };
  for (const [name, data] of Object.entries(sources)) {
    await run(name, { ...data, normalize: { divide: 255 } });
    // With 260 MB only the targets are loaded: the inputs are read row by row.
    await run(`${name}-from-disk`, { ...data, normalize: { divide: 255 } }, { memoryLimit: '260MB' });
  }
  const expected = results.get('idx');
  for (const [name, { bytes, figures }] of results) {
    t.ok(bytes.equals(expected?.bytes ?? Buffer.of()), name);
    t.same(figures, expected?.figures, name);
  }

  // Blocks of 1,024 images are all that there is here, of one; of rows of one value there are more.
  for (const [name, more] of Object.entries({ blocks: {}, 'blocks-from-disk': { memoryLimit: '260MB', workers: 2 } })) {
    await run(name, { ...sources['npy'], normalize: { divide: 255 } }, { shuffle: 'blocks', ...more });
  }
  t.ok(results.get('blocks')?.bytes.equals(results.get('blocks-from-disk')?.bytes ?? Buffer.of()));
  t.notOk(results.get('blocks')?.bytes.equals(expected?.bytes ?? Buffer.of()), 'another order');

  // Two workers of their own processes, and a way of preparing inputs whose numbers are found first.
  await run('standardized', { ...sources['npy'], normalize: 'standardize' });
  await run('standardized-csv', { ...sources['csv'], normalize: 'standardize' }, { workers: 2 });
  t.ok(results.get('standardized')?.bytes.equals(results.get('standardized-csv')?.bytes ?? Buffer.of()));
  const [best, evaluated] = [
    summaryOf(join(runs, 'standardized-csv')),
    await runWell(t, 'evaluate', join(runs, 'standardized-csv'), '--json'),
  ];
  t.ok(Math.abs(JSON.parse(evaluated.stdout).loss - Number(best['testLoss'])) < 1e-6);
});
