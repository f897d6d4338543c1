import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { readKerasArchive, writeKerasArchive } from '../../src/formats/keras/archive.js';
import { readKerasH5, writeKerasH5 } from '../../src/formats/keras/h5.js';
import { readModelAt } from '../../src/formats/open.js';
import type { TrainableModel } from '../../src/formats/savedModel.js';
import { evaluate } from '../../src/inference/evaluate.js';
import { loadModel } from '../../src/inference/loadModel.js';
import { parseConfig } from '../../src/shared/config/parse.js';
import { openData } from '../fixtures/openData.js';
import { everything, largestDifference, small, weightsOf } from './everything.js';

const golden = fileURLToPath(new URL('../golden/models/', import.meta.url));

interface Expected {
  readonly test_loss: number;
  readonly test_accuracy: number;
  readonly outputs: readonly (readonly number[])[];
}

test("Keras's own models give Keras's outputs, loss and accuracy", async (t) => {
  const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Record<string, Expected>;
  const { test: images } = openData({ name: 'mnist' }, 0);
  if (!images) throw new Error('MNIST has a test set');
  const first = images.inputs(20);
  for (let i = 0; i < 20; i++) first.load(i, i);
  first.finish(20);
  for (const name of ['article', 'regularised']) {
    for (const ending of ['h5', 'keras']) {
      const { test_loss: loss = 0, test_accuracy: accuracy = 0, outputs = [] } = expected[name] ?? {};
      const model = await loadModel(join(golden, `${name}.${ending}`), { engine: 'onnx' });
      t.match(model, { loss: 'categoricalCrossentropy', metrics: ['accuracy'] }, `${name}.${ending}`);
      t.ok(largestDifference(await model.predict(first.values), outputs.flat()) < 1e-5, 'the outputs of 20 images');
      const figures = await evaluate(model, images);
      t.ok(Math.abs(figures.loss - loss) < 1e-5, `loss ${figures.loss}, in Keras ${loss}`);
      t.ok(Math.abs((figures.accuracy ?? 0) - accuracy) < 1e-6, `accuracy ${figures.accuracy}, in Keras ${accuracy}`);
      await model.close();
    }
  }
});

/** A model with all that a file can hold. */
function trainable(optimizer: object): TrainableModel {
  const weights = weightsOf(everything);
  return {
    spec: everything,
    weights,
    metadata: { loss: 'binaryCrossentropy', metrics: ['accuracy', 'mae'], normalize: { divide: 255 } },
    optimizer: parseConfig({ optimizer }, 'test', { cores: 1 }).optimizer,
    state: { m: weights.map((value) => value / 2), v: weights.map((value) => value ** 2), updates: 7 },
  };
}

const optimizers = [{ name: 'adam', clipNorm: 1 }, { name: 'adamw' }, { name: 'sgd', momentum: 0.9 }, { name: 'rmsprop' }];

for (const [ending, write, read] of [
  ['h5', writeKerasH5, readKerasH5],
  ['keras', writeKerasArchive, readKerasArchive],
] as const) {
  test(`a .${ending} file comes back as it was written, with any optimizer`, async (t) => {
    for (const optimizer of optimizers) {
      const path = join(t.testdir(), `model.${ending}`);
      const model = trainable(optimizer);
      await write(path, model);
      const { spec, weights, metadata } = model;
      t.same(await read(path), { spec, weights, metadata });
      t.same((await readModelAt(path)).model, { spec, weights, metadata }, 'whatever it is called');
    }
  });
}

test('hundreds of layers, whose names are more than HDF5 takes in one attribute', async (t) => {
  const path = join(t.testdir(), 'deep.h5');
  const layers = Array.from({ length: 700 }, (_, i) => ({
    ...small.layers[0],
    name: `a_layer_with_a_name_as_long_as_they_get_in_practice_${'x'.repeat(60)}${i}`,
    units: 2,
  }));
  const spec = parseConfig({ model: { inputShape: [2], layers: layers.map(({ name, units }) => ({ dense: { name, units } })) } }, 'test', {
    cores: 1,
  }).model;
  const weights = weightsOf(spec);
  await writeKerasH5(path, { ...trainable({ name: 'adam' }), spec, weights, state: undefined });
  t.same(await readKerasH5(path), { spec, weights, metadata: trainable({ name: 'adam' }).metadata });
});
