import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import tf from '@tensorflow/tfjs';
import { test } from 'tap';
import { layersModelJson, readModel, writeModel } from '../../../src/formats/tfjs/layersModel.js';
import { activations, type ModelSpec } from '../../../src/shared/model/spec.js';
import { DataError, UsageError } from '../../../src/shared/text/errors.js';
import { everything, plain, predictions, small, weightsOf } from '../everything.js';

test('a model comes back as it was written', async (t) => {
  const folder = join(t.testdir(), 'run/best');
  const weights = weightsOf(everything);
  const metadata = { loss: 'categoricalCrossentropy', metrics: ['accuracy', 'mae'], normalize: { divide: 255 } } as const;
  await writeModel(folder, layersModelJson(everything, '1.2.3', metadata), weights);
  t.same(await readModel(folder), { spec: everything, weights, metadata });
  t.same(readdirSync(folder).sort(), ['model.json', 'weights.bin']);
  t.match(JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')), { format: 'layers-model', generatedBy: 'bpnn-dist 1.2.3' });
});

test('tfjs loads what we write, and gives what we give', async (t) => {
  // Each activation alone, so that none hides another's error.
  const specs = activations.map(
    (activation): ModelSpec => ({ inputShape: [2, 3], layers: [{ kind: 'flatten' }, { ...plain, activation }] }),
  );
  const alreadyFlat: ModelSpec = {
    inputShape: [6],
    layers: [{ kind: 'flatten' }, { kind: 'dropout', rate: 0.5 }, plain, { kind: 'flatten' }],
  };
  await tf.setBackend('cpu');
  for (const spec of [everything, alreadyFlat, ...specs]) {
    const weights = weightsOf(spec);
    const inputs = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const { modelTopology, weightsManifest } = layersModelJson(spec, '1.2.3', {});
    const weightSpecs = (weightsManifest[0]?.weights ?? []).map(({ name, shape }) => ({
      name,
      shape: [...shape],
      dtype: 'float32' as const,
    }));
    const artifacts = { modelTopology, weightSpecs, weightData: weights.slice().buffer };
    const model = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
    const output = model.predict(tf.tensor(inputs, [4, ...spec.inputShape]));
    if (Array.isArray(output)) throw new Error('a Sequential model has one output');
    const expected = await predictions(spec, weights, inputs);
    const given = await output.data();
    t.equal(given.length, expected.length);
    t.ok(expected.every((value, i) => Math.abs(value - (given[i] ?? Number.NaN)) < 1e-5));
    t.ok(expected.some((value) => value !== 0));
  }
});

test('a model that tfjs wrote is read, in shards and with Activation and LeakyReLU layers', async (t) => {
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [2, 2] }),
      tf.layers.dense({ units: 5, activation: 'elu', kernelInitializer: 'heUniform', kernelRegularizer: tf.regularizers.l2({ l2: 0.5 }) }),
      tf.layers.dense({ units: 3, useBias: false }),
      tf.layers.leakyReLU({ alpha: 0.2 }),
      tf.layers.dropout({ rate: 0.5 }),
      tf.layers.dense({ units: 2, kernelInitializer: 'glorotNormal' }),
      tf.layers.activation({ activation: 'softmax' }),
    ],
  });
  const folder = t.testdir();
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      if (!(weightData instanceof ArrayBuffer)) throw new Error('expected one buffer of weights');
      const bytes = Buffer.from(weightData);
      writeFileSync(join(folder, 'shard1'), bytes.subarray(0, 21));
      writeFileSync(join(folder, 'shard2'), bytes.subarray(21));
      const weightsManifest = [{ paths: ['shard1', 'shard2'], weights: weightSpecs }];
      writeFileSync(join(folder, 'model.json'), JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const { spec, weights, metadata } = await readModel(folder);
  t.same(metadata, {});
  t.same(spec, {
    inputShape: [2, 2],
    layers: [
      { kind: 'flatten' },
      {
        ...plain,
        name: 'dense_Dense1',
        units: 5,
        activation: 'elu',
        kernelInitializer: 'heUniform',
        kernelRegularizer: { l1: 0, l2: 0.5 },
      },
      { ...plain, name: 'dense_Dense2', units: 3, useBias: false, activation: 'leakyRelu', kernelInitializer: 'glorotNormal' },
      { kind: 'dropout', rate: 0.5 },
      { ...plain, name: 'dense_Dense3', units: 2, kernelInitializer: 'glorotNormal', activation: 'softmax' },
    ],
  });
  const inputs = Float32Array.of(0.5, -1, 2, -0.25);
  const output = model.predict(tf.tensor(inputs, [1, 2, 2]));
  if (Array.isArray(output)) throw new Error('a Sequential model has one output');
  const expected = await output.data();
  const given = await predictions(spec, weights, inputs);
  t.ok(given.every((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-5));
});

test('batches of a fixed size are read as batches of any', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'model.json');
  await writeModel(folder, layersModelJson(small, '1', {}), weightsOf(small));
  const written = readFileSync(path, 'utf8');
  const changed = written.replace(/null,\s*2/, '32, 2');
  t.not(changed, written);
  writeFileSync(path, changed);
  t.same((await readModel(folder)).spec, small);
});

test('weights that Keras 3 has named are matched by the end of their names, where only one fits', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'model.json');
  const spec: ModelSpec = {
    inputShape: [2],
    layers: [
      { ...plain, units: 2, name: 'dense' },
      { ...plain, units: 2, name: 'dense_1' },
    ],
  };
  const weights = weightsOf(spec);
  await writeModel(folder, layersModelJson(spec, '1', {}), weights);
  const written = readFileSync(path, 'utf8');
  writeFileSync(path, written.replaceAll(/"(dense(_1)?\/(kernel|bias))"/g, '"sequential/$1"'));
  t.same(await readModel(folder), { spec, weights, metadata: {} });

  writeFileSync(path, written.replace('"dense/kernel"', '"my_dense/kernel"'));
  await t.rejects(readModel(folder), {
    name: 'DataError',
    message: 'model.json names no weights dense/kernel: got my_dense/kernel, dense/bias, dense_1/kernel, dense_1/bias',
  });
  writeFileSync(path, written.replace('"dense/kernel"', '"a/dense_1/kernel"').replace('"dense_1/kernel"', '"b/dense_1/kernel"'));
  await t.rejects(readModel(folder), { message: /no weights dense\/kernel: got a\/dense_1\/kernel/ });
  writeFileSync(path, written.replace('"dense_1/kernel"', '"a/dense/kernel"').replace('"dense/kernel"', '"b/dense/kernel"'));
  await t.rejects(readModel(folder), { message: /dense\/kernel: several names end so: b\/dense\/kernel, a\/dense\/kernel/ });
});

test('later weights take the place of earlier ones; model.json stays', async (t) => {
  const folder = t.testdir();
  await writeModel(folder, layersModelJson(small, '1', {}), weightsOf(small));
  await writeModel(folder, layersModelJson(small, '2', {}), weightsOf(small).fill(7));
  t.match(readFileSync(join(folder, 'model.json'), 'utf8'), /"bpnn-dist 1"/);
  t.ok((await readModel(folder)).weights.every((value) => value === 7));
});

test('a write that fails leaves the older weights whole', async (t) => {
  const folder = t.testdir();
  const weights = weightsOf(small);
  await writeModel(folder, layersModelJson(small, '1', {}), weights);
  // Where weights.bin would first be written there is a folder.
  mkdirSync(join(folder, `weights.bin.tmp-${process.pid}-${hostname()}`));
  await t.rejects(writeModel(folder, layersModelJson(small, '1', {}), weightsOf(small).fill(7)));
  t.same((await readModel(folder)).weights, weights);
});

test('whoever reads while weights are written sees whole ones', async (t) => {
  const folder = t.testdir();
  const spec: ModelSpec = { inputShape: [1000], layers: [{ ...plain, units: 500 }] };
  const weights = new Float32Array(500_500);
  const seen = new Set<number>();
  await writeModel(folder, layersModelJson(spec, '1', {}), weights);
  for (let round = 1; round <= 10; round++) {
    let isWriting = true;
    const written = writeModel(folder, layersModelJson(spec, '1', {}), weights.fill(round)).finally(() => {
      isWriting = false;
    });
    while (isWriting) {
      const read = await readModel(folder);
      const first = read.weights[0] ?? Number.NaN;
      seen.add(read.weights.every((value) => value === first) ? first : Number.NaN);
    }
    await written;
  }
  t.ok(seen.size > 0);
  t.notOk(seen.has(Number.NaN));
});

test('what is no model is refused by name', async (t) => {
  const folder = t.testdir({ empty: {}, text: { 'model.json': 'model:' }, graph: { 'model.json': '{"format":"graph-model"}' } });
  const message = async (name: string): Promise<[boolean, boolean, string]> => {
    const error: unknown = await readModel(join(folder, name)).catch((reason: unknown) => reason);
    if (!(error instanceof Error)) throw new Error(`${name} could be read`);
    return [error instanceof UsageError, error instanceof DataError, error.message.replaceAll(`${folder}/`, '')];
  };
  t.same(await message('nothing'), [true, false, 'nothing: no such folder']);
  t.same(await message('empty'), [true, false, 'empty: expected the folder of a model, with a model.json in it']);
  t.match(await message('text'), [false, true, /^text\/model.json: is not JSON: /]);
  t.match(await message('graph'), [false, true, /^graph\/model.json: is not a LayersModel of tfjs: modelTopology: /]);
});

test('what a model lacks or we lack is named', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'model.json');
  await writeModel(folder, layersModelJson(small, '1', {}), weightsOf(small));
  const written = readFileSync(path, 'utf8');
  const changes: [string | RegExp, string, RegExp][] = [
    ['"class_name": "Dense"', '"class_name": "Conv2D"', /layer dense0 \(Conv2D\): expected one of InputLayer, Flatten, Dense/],
    ['"class_name": "Sequential"', '"class_name": "GraphModel"', /class_name: expected a Sequential model, got "GraphModel"/],
    ['"activation": "linear"', '"activation": "gelu"', /layer dense0 \(Dense\): activation: .*got "gelu"/],
    ['"units": 3', '"units": 4', /weights dense0\/kernel: expected float32 \[2, 4\], got float32 \[2, 3\]/],
    ['"dense0/bias"', '"other/bias"', /model.json names no weights dense0\/bias/],
    [/"dtype": "float32"\s*\},\s*\{/, '"dtype": "float16" }, {', /weights dense0\/kernel: expected type float32.*, got float16/],
    ['"weights.bin"', '"other.bin"', /other.bin: the weights cannot be read: ENOENT/],
    [/null,\s*2/, '2', /first layer \(Dense\): its input shape: 0: expected null or a batch size, .*got \[2\]/],
    [/null,\s*2/, '0, 2', /first layer \(Dense\): its input shape: 0: .*got 0/],
  ];
  for (const [from, to, pattern] of changes) {
    const changed = written.replace(from, to);
    t.not(changed, written);
    writeFileSync(path, changed);
    await t.rejects(readModel(folder), { name: 'DataError', message: pattern }, to);
  }
  writeFileSync(path, written);
  truncateSync(join(folder, 'weights.bin'), 35);
  await t.rejects(readModel(folder), { name: 'DataError', message: /weights.bin: expected 36 bytes of weights, got 35$/ });
});
