import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { readModelConfig } from '../../../src/formats/keras/modelConfig.js';
import { readSequential, savedModel } from '../../../src/formats/keras/sequential.js';
import { readModelAt } from '../../../src/formats/openModel.js';
import { withModelFrom } from '../../../src/formats/startFrom.js';
import { runCli, runWell } from '../../fixtures/cli.js';
import { largestDifference, predictions } from '../everything.js';

const golden = fileURLToPath(new URL('../../golden/front/', import.meta.url));
const expected = JSON.parse(readFileSync(join(golden, 'expected.json'), 'utf8')) as Record<string, readonly number[]>;

test("models of Keras with layers in front and fixed batch sizes give Keras's outputs", async (t) => {
  for (const name of ['everything', 'functional']) {
    for (const ending of ['keras', 'h5']) {
      const { spec, weights, metadata } = (await readModelAt(join(golden, `${name}.${ending}`))).model;
      const { normalize } = metadata;
      if (!normalize) throw new Error(`${name}.${ending}: its inputs are prepared`);
      const inputs = Float32Array.from(expected['inputs'] ?? [], (value, i) =>
        'subtract' in normalize ? (value - (normalize.subtract[i % 6] ?? 0)) / (normalize.divide[i % 6] ?? 1) : value / normalize.divide,
      );
      t.ok(largestDifference(await predictions(spec, weights, inputs), expected[name] ?? []) < 1e-6, `${name}.${ending}`);
      t.same(spec.inputShape, [2, 3]);
    }
  }
});

test('what only training needs is read past for predictions; training from it is refused by name', async (t) => {
  const path = join(golden, 'everything.keras');
  const lacked = [
    'layer dense: activity_regularizer L2',
    'layer dense: kernel_constraint MaxNorm',
    'layer dense: kernel_regularizer Custom',
    'layer gaussian_noise: GaussianNoise',
    'layer dense_1: bias_constraint NonNeg',
  ];
  const { model } = await readModelAt(path);
  t.same(model.onlyInTraining, lacked);
  t.match(model.spec.layers, [{}, { kernelRegularizer: { l1: 0, l2: 0 } }, { biasRegularizer: { l1: Math.fround(0.01) } }]);
  await t.rejects(withModelFrom({ from: path }), { name: 'DataError', message: `${path}: its training has` });
  await t.rejects(withModelFrom({ from: path }), { message: lacked.join('; ') });
  const own = { from: path, model: '6-2' };
  t.equal(await withModelFrom(own), own, 'a network of its own is trained as it says');
  const config = (await withModelFrom({ from: join(golden, 'functional.h5'), data: { x: 'x.npy' } })) as { data: object };
  t.same(config.data, { x: 'x.npy', normalize: { divide: 255 } });

  const { code, stderr } = await runCli(t, 'up', '--from', path, '--runs', t.testdir());
  t.equal(code, 1);
  t.match(stderr, /everything.keras: its training has what there is none of here: layer dense: activity_regularizer L2; /);
  const exported = await runWell(t, 'export', path, '--format', 'onnx', '--output', join(t.testdirName, 'model.onnx'));
  t.match(exported.stderr, 'left out, as only training has a use for it: layer dense: activity_regularizer L2');
});

const dense = { class_name: 'Dense', config: { name: 'dense', units: 1 } };

/** A model of Keras 2 whose samples have the shape [2, 2], and these layers behind its input. */
function read(...layers: readonly object[]) {
  const input = { class_name: 'InputLayer', config: { batch_input_shape: [32, 2, 2], name: 'input' } };
  return readSequential(readModelConfig({ class_name: 'Sequential', config: { layers: [input, ...layers] } }, 'model'), 'model');
}

const front = (kind: string, config: object) => ({ class_name: kind, config: { name: 'front', ...config } });
const flat = { class_name: 'Flatten', config: { name: 'flat' } };

/** How a model with some layers in front prepares its inputs; mean and variance are among its weights. */
function preparation(learned: readonly number[], ...layers: readonly object[]) {
  const sequential = read(...layers, flat, dense);
  const values = new Float32Array(sequential.stored.size);
  values.set(learned, sequential.stored.size - learned.length);
  const { weights, metadata } = savedModel(sequential, values, {});
  return { ...metadata.normalize, weights: weights.length };
}

test('layers in front, one behind the other, are one preparation', (t) => {
  const weights = 5;
  t.same(preparation([], front('Rescaling', { scale: 0.5 }), front('Rescaling', { scale: 0.25, offset: 0 })), { divide: 8, weights });
  t.same(preparation([], front('Rescaling', { scale: -0.5 })), { subtract: [0, 0, 0, 0], divide: [-2, -2, -2, -2], weights });
  // (x / 2 + 1 - 3) / 4 = (x - 4) / 8
  t.same(preparation([], front('Rescaling', { scale: 0.5, offset: 1 }), front('Normalization', { axis: [], mean: 3, variance: 16 })), {
    subtract: [4, 4, 4, 4],
    divide: [8, 8, 8, 8],
    weights,
  });
  const numpy = { class_name: '__numpy__', config: { value: [1, 2], dtype: 'float32' } };
  t.same(preparation([], front('Rescaling', { scale: numpy })), { subtract: [0, 0, 0, 0], divide: [1, 0.5, 1, 0.5], weights });
  t.same(preparation([1, 2, 4, 0], front('Normalization', { axis: [-1] })), {
    subtract: [1, 2, 1, 2],
    divide: [2, 1e-7, 2, 1e-7],
    weights,
  });
  t.same(preparation([1, 2, 4, 9], front('Normalization', { axis: 1 })), { subtract: [1, 1, 2, 2], divide: [2, 2, 3, 3], weights });
  t.same(preparation([1, 2, 3, 4, 1, 4, 9, 16], front('Normalization', { axis: [1, 2] })), {
    subtract: [1, 2, 3, 4],
    divide: [1, 2, 3, 4],
    weights,
  });
  t.same(preparation([1, 2, 3, 4, 1, 4, 9, 16], flat, front('Normalization', {})), {
    subtract: [1, 2, 3, 4],
    divide: [1, 2, 3, 4],
    weights,
  });
  t.end();
});

test('a layer that cannot be a preparation is refused by name', (t) => {
  const cases: [readonly object[], RegExp][] = [
    [[flat, dense, front('Rescaling', { scale: 2 })], /^model: layer front \(Rescaling\): expected it in front of the first Dense/],
    [[front('Rescaling', { scale: 0 }), flat, dense], /layer front \(Rescaling\): scale: expected a scale other than 0/],
    [[front('Rescaling', { scale: [1, 2, 3] }), flat, dense], /layer front \(Rescaling\): expected 1 or 2 numbers, got 3/],
    [[front('Normalization', { invert: true }), flat, dense], /layer front \(Normalization\): invert: expected false, got true/],
    [[front('Normalization', { axis: 3 }), flat, dense], /axis: expected axes of samples \[2, 2\], got 3/],
    [[front('Normalization', { axis: 0 }), flat, dense], /axis: expected axes of samples \[2, 2\], got 0/],
  ];
  for (const [layers, message] of cases) t.throws(() => read(...layers), { name: 'DataError', message });
  t.end();
});
