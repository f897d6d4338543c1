import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { exportNotes } from '../../../src/formats/exportNotes.js';
import { readKerasArchive, writeKerasArchive } from '../../../src/formats/keras/archive.js';
import { readKerasH5, writeKerasH5 } from '../../../src/formats/keras/h5.js';
import { readHdf5, textAttribute } from '../../../src/formats/keras/hdf5.js';
import { readModelAt } from '../../../src/formats/openModel.js';
import type { TrainableModel } from '../../../src/formats/savedModel.js';
import { writeModelAs } from '../../../src/formats/writeModel.js';
import { evaluate } from '../../../src/inference/evaluateModel.js';
import { loadModel } from '../../../src/inference/loadModel.js';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { unpackedStream, withZip } from '../../../src/shared/files/zip.js';
import { denseNames } from '../../../src/shared/model/network.js';
import { openData } from '../../fixtures/openData.js';
import { everything, largestDifference, small, weightsOf } from '../everything.js';

const golden = fileURLToPath(new URL('../../golden/models/', import.meta.url));

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

/** The texts of a .h5 or .keras file in which Keras finds a model and what it was compiled with. */
async function configsOf(path: string): Promise<string[]> {
  if (path.endsWith('.h5'))
    return readHdf5(path, path, (file) => ['model_config', 'training_config'].map((name) => textAttribute(file, name) ?? ''));
  return withZip(path, '.keras', async (zip, entries) => {
    const config = entries.find(({ fileName }) => fileName === 'config.json');
    if (!config) throw new Error('a .keras file has a config.json');
    return [Buffer.concat(await (await unpackedStream(zip, config, path)).toArray()).toString()];
  });
}

/** What Keras's files say of a small model's compilation. */
async function compiledConfigs(t: { testdir(): string }, optimizer: object, layers: object[] = [{ dense: 2 }]): Promise<string[]> {
  const folder = t.testdir();
  const config = parseConfig({ model: { inputShape: [2], layers }, optimizer }, 'test', { cores: 1 });
  const weights = weightsOf(config.model);
  const model = { ...trainable({}), spec: config.model, weights, optimizer: config.optimizer, state: undefined };
  await writeKerasH5(join(folder, 'model.h5'), model);
  await writeKerasArchive(join(folder, 'model.keras'), model);
  return [(await configsOf(join(folder, 'model.h5'))).join('\n'), (await configsOf(join(folder, 'model.keras'))).join('\n')];
}

test('numbers that Keras takes as floats have a point, whole numbers have none', async (t) => {
  const optimizer = {
    name: 'sgd',
    clipNorm: 2,
    learningRate: { schedule: 'piecewiseConstant', boundaries: [3, 5], values: [1, 0.5, 1e-7] },
  };
  const layers = [{ dropout: 0 }, { dense: { units: 2, kernelRegularizer: { l1: 1 } } }];
  for (const text of await compiledConfigs(t, optimizer, layers)) {
    for (const part of [
      '"momentum":0.0',
      '"clipnorm":2.0',
      '"boundaries":[3,5]',
      '"values":[1.0,0.5,1e-7]',
      '"rate":0.0',
      '"l1":1.0',
      '"units":2,',
      '"scale":1.0',
    ])
      t.ok(text.includes(part), `${part} in ${text}`);
    t.match(text, /_shape":\[null,2\]/);
  }
  for (const text of await compiledConfigs(t, { name: 'sgd', learningRate: 1 })) t.match(text, '"learning_rate":1.0');
  const cosine = { schedule: 'polynomialDecay', initial: 1, decaySteps: 10 };
  for (const text of await compiledConfigs(t, { name: 'adam', learningRate: cosine }))
    t.match(text, /"module":"keras.optimizers.schedules",.*"initial_learning_rate":1.0,"decay_steps":10,/);
});

test("a warm-up is Keras's own where its schedule has one; otherwise the rate after it stays, and a note says so", async (t) => {
  const optimizerOf = (learningRate: object) => parseConfig({ optimizer: { learningRate } }, 'test', { cores: 1 }).optimizer;
  const cosine = { schedule: 'cosineDecay', initial: 0.5, decaySteps: 100, warmupSteps: 10 };
  for (const text of await compiledConfigs(t, { learningRate: cosine }))
    t.match(text, /"initial_learning_rate":0.05,"decay_steps":100,.*"warmup_target":0.5,"warmup_steps":10/);
  t.same(exportNotes('keras', { spec: small, optimizer: optimizerOf(cosine), metadata: {} }), []);
  const others: [object, RegExp, RegExp][] = [
    [{ schedule: 'constant', initial: 0.5, warmupSteps: 10 }, /"learning_rate":0.5/, /constant .*the rate after it/],
    [
      { schedule: 'piecewiseConstant', boundaries: [4], values: [0.5, 1], warmupSteps: 10 },
      /"boundaries":\[14\],"values":\[0.5,1.0\]/,
      /piecewiseConstant .*first rate/,
    ],
    [
      { schedule: 'exponentialDecay', initial: 0.5, decaySteps: 4, decayRate: 0.9, warmupSteps: 10 },
      /ExponentialDecay.*"decay_steps":4,/,
      /exponentialDecay .*10 steps earlier/,
    ],
    [
      { schedule: 'polynomialDecay', initial: 0.5, decaySteps: 4, warmupSteps: 10 },
      /PolynomialDecay.*"decay_steps":4,/,
      /polynomialDecay .*10 steps earlier/,
    ],
  ];
  for (const [learningRate, inFile, said] of others) {
    for (const text of await compiledConfigs(t, { learningRate })) t.match(text, inFile);
    const [note, ...more] = exportNotes('keras', { spec: small, optimizer: optimizerOf(learningRate), metadata: {} });
    t.match(note, said);
    t.same(more, []);
  }
  t.same(exportNotes('keras', { spec: small, optimizer: optimizerOf({ schedule: 'constant', initial: 0.5 }), metadata: {} }), []);
  const rounded = { subtract: [20_180_223.5, 3], divide: [0.5, 1] };
  const columns = ['day', 'b'].map((name) => ({ name, kind: 'number' }) as const);
  const metadata = { normalize: rounded, schema: { inputs: columns, target: [] } };
  const model = { spec: small, optimizer: optimizerOf({ schedule: 'constant', initial: 0.5 }), metadata };
  t.match(exportNotes('onnx', model), [/^the file takes float32 inputs, which rounds input day before it is normalized/]);
  t.same(exportNotes('keras', model), []);
});

test('names of layers that Keras does not take are others in its files', async (t) => {
  const names = ['input', 'input_', 'é', 'a:0', '_x', 'top_level_model_weights', 'a_0', '.', 'net.0', 'dense1-a'];
  const kept = ['input__', 'input_', 'layer_', 'a_0_', 'layer_x', 'top_level_model_weights_', 'a_0', 'layer_.', 'net.0', 'dense1-a'];
  const { model: spec, optimizer } = parseConfig(
    { model: { inputShape: [2], layers: names.map((name) => ({ dense: { name, units: 2 } })) } },
    'test',
    { cores: 1 },
  );
  const folder = t.testdir();
  const weights = weightsOf(spec);
  const model = { ...trainable({}), spec, weights, optimizer, state: { m: weights, v: weights, updates: 1 } };
  for (const [ending, write, read] of [
    ['h5', writeKerasH5, readKerasH5],
    ['keras', writeKerasArchive, readKerasArchive],
  ] as const) {
    const path = join(folder, `model.${ending}`);
    await write(path, model);
    const there = await read(path);
    t.same(denseNames(there.spec), kept, ending);
    t.same(there.weights, weights);
  }
  t.match(exportNotes('keras-h5', model), [/input is input__, é is layer_, a:0 is a_0_, _x is layer_x, top_level/]);
  await writeModelAs('tfjs', join(folder, 'tfjs'), model);
  t.same(denseNames((await readModelAt(join(folder, 'tfjs'))).model.spec), kept);
  t.same(exportNotes('tfjs', model), exportNotes('keras', model));
  t.same(exportNotes('onnx', model), []);
});

test('AdamW has the class that Keras 3 finds and the registration that tf.keras 2.15 finds', async (t) => {
  const [h5 = ''] = await compiledConfigs(t, { name: 'adamw' });
  t.match(h5, '"class_name":"AdamW"');
  t.match(h5, '"registered_name":"Custom>AdamW"');
  const [adam = ''] = await compiledConfigs(t, { name: 'adam' });
  t.notMatch(adam, 'registered_name');
});

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
