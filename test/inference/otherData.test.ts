import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { type Test, test } from 'tap';
import { classReport, evaluate, otherData } from '../../src/inference/evaluateModel.js';
import { loadModel } from '../../src/inference/loadModel.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { writeWeights } from './runs.js';

/** Models are judged by data that they have not seen: prepared, and with classes and categories, as those they were trained on. */

/** What is converted is kept for the next time, in the user's cache folder: here in one of the test's. */
function ownCache(t: Test): void {
  const before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = join(t.testdirName, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  });
}

const dense = (units: number) => ({ dense: { units, activation: 'softmax' } });
const metadata = { loss: 'categoricalCrossentropy', metrics: ['accuracy'], classes: ['cat', 'dog'] } as const;

test('a folder that has only some of the classes', async (t) => {
  const folder = t.testdir();
  ownCache(t);
  const { model: spec } = parseConfig({ model: { inputShape: [2, 2], layers: ['flatten', dense(2)] } }, 'test', { cores: 1 });
  // Whatever is bright is a dog.
  await writeWeights(join(folder, 'model'), spec, [-1, 1, -1, 1, -1, 1, -1, 1, 0, 0], { ...metadata, normalize: { divide: 255 } });
  for (const [name, brightness] of [
    ['some/dog/1', 200],
    ['some/dog/2', 100],
    ['others/ant/1', 100],
  ] as const) {
    const path = join(folder, `${name}.png`);
    mkdirSync(join(path, '..'), { recursive: true });
    const image = sharp(Buffer.alloc(4, brightness), { raw: { width: 2, height: 2, channels: 1 } });
    await image.toColourspace('b-w').png().toFile(path);
  }
  const model = await loadModel(join(folder, 'model'), { engine: 'reference' });
  t.teardown(() => model.close());
  const dogs = await otherData(model, { images: join(folder, 'some') });
  t.match(await evaluate(model, dogs), { samples: 2, accuracy: 1 });
  await t.rejects(otherData(model, { images: join(folder, 'others') }), {
    name: 'DataError',
    message: /expected one of the classes of the training data \(cat, dog\), got "ant"$/,
  });
});

test('a table, with a report of what is right and wrong', async (t) => {
  const rows = ['a,colour,kind', '3,red,cat', '3,red,dog', '-3,blue,dog', '-1,blue,dog', '1,red,cat'];
  const folder = t.testdir({ 'new.csv': `${rows.join('\n')}\n`, 'other.csv': 'a,colour,kind\n1,green,cat\n' });
  ownCache(t);
  const schema = {
    inputs: [
      { name: 'a', kind: 'number' },
      { name: 'colour', kind: 'category', categories: ['blue', 'red', 'yellow'] },
    ],
    target: [{ name: 'kind', kind: 'category', categories: ['cat', 'dog'] }],
  } as const;
  const { model: spec } = parseConfig({ model: { inputShape: [4], layers: [dense(2)] } }, 'test', { cores: 1 });
  // A cat where a is above 1, of which 1 is subtracted.
  const normalize = { subtract: [1, 0, 0, 0], divide: [1, 1, 1, 1] };
  await writeWeights(join(folder, 'model'), spec, [1, 0, 0, 0, 0, 0, 0, 0, 0.1, 0], { ...metadata, schema, normalize });
  const model = await loadModel(join(folder, 'model'), { engine: 'reference' });
  t.teardown(() => model.close());
  const spec2 = { table: join(folder, 'new.csv'), target: 'kind', missing: 'refuse' } as const;
  const data = await otherData(model, spec2);
  t.match(await evaluate(model, data), { samples: 5, accuracy: 0.8 });
  const report = await classReport(model, data, 'test', 10);
  t.same(report.classes, [
    { class: 'cat', samples: 2, given: 3, precision: 2 / 3, recall: 1 },
    { class: 'dog', samples: 3, given: 2, precision: 1, recall: 2 / 3 },
  ]);
  t.same(report.confusion, [
    [2, 0],
    [1, 2],
  ]);
  t.same(
    report.worst.map(({ sample, target, class: given }) => [sample, target, given]),
    [[1, 1, 0]],
  );
  t.equal(
    report.calibration.reduce((sum, { samples }) => sum + samples, 0),
    5,
  );
  const ofTraining = { groups: 'colour', stratify: true, classWeights: { cat: 5 } };
  t.same(
    await evaluate(model, await otherData(model, { ...spec2, ...ofTraining })),
    await evaluate(model, data),
    'what a config says of training samples is nothing to judge by',
  );
  await t.rejects(otherData(model, { ...spec2, table: join(folder, 'other.csv') }), {
    name: 'DataError',
    message: /expected one of the categories of the training data \(blue, red, yellow\), got "green"$/,
  });
});
