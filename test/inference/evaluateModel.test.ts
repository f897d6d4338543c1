import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { evaluate, evaluatePart } from '../../src/inference/evaluateModel.js';
import { loadModel } from '../../src/inference/loadModel.js';
import { openData } from '../fixtures/openData.js';
import { floats, integers, writeRun, writeWeights } from './runs.js';

const identity = { inputShape: [1], layers: [{ dense: 1 }] };

test("a run's test set, in batches that do not fit evenly", async (t) => {
  const run = t.testdir({ 'x.npy': floats([1, 1], [0]), 'y.npy': floats([1, 1], [0]) });
  writeFileSync(join(run, 'tx.npy'), floats([3, 1], [2, 4, 8]));
  writeFileSync(join(run, 'ty.npy'), floats([3, 1], [0, 2, 1]));
  const data = { normalize: { divide: 2 }, test: { x: join(run, 'tx.npy'), y: join(run, 'ty.npy') } };
  const spec = writeRun(run, { model: identity, data, loss: 'meanSquaredError', metrics: ['mae'], validationBatchSize: 2 });
  await writeWeights(join(run, 'best'), spec, [1, 0]);
  const model = await loadModel(run);
  // Outputs are 1, 2, 4, and miss by 1, 0, 3.
  t.same(await evaluatePart(model), { samples: 3, loss: 10 / 3, mae: 4 / 3 });
  t.same(await evaluatePart(model, 'train'), { samples: 1, loss: 0, mae: 0 });
  t.same(await evaluatePart(model, 'test', { loss: 'meanAbsoluteError', metrics: ['mse'] }), { samples: 3, loss: 4 / 3, mse: 10 / 3 });
  await t.rejects(evaluatePart(model, 'validation'), { name: 'UsageError', message: /has no validation samples \(data.validation\)/ });
});

test('the loss includes the penalty of the regularizers', async (t) => {
  const run = t.testdir({ 'x.npy': floats([2, 1], [1, 2]), 'y.npy': floats([2, 1], [-2, -4]) });
  const penalized = {
    inputShape: [1],
    layers: [{ dense: { units: 1, kernelRegularizer: { l1: 0.5, l2: 0.25 }, biasRegularizer: { l1: 2 } } }],
  };
  const spec = writeRun(run, { model: penalized, loss: 'meanSquaredError' });
  await writeWeights(join(run, 'best'), spec, [-2, -0.5]);
  t.same(await evaluatePart(await loadModel(run), 'train'), { samples: 2, loss: 0.25 + (0.5 * 2 + 0.25 * 4) + 2 * 0.5 });
});

test('class numbers, on the engine that runs choose by default', async (t) => {
  const run = t.testdir({ 'x.npy': floats([4, 2], [1, 0, 0, 1, 1, 0, 0, 1]), 'y.npy': integers([0, 1, 0, 0]) });
  const spec = writeRun(run, { model: '2-2' });
  await writeWeights(join(run, 'best'), spec, [1, 0, 0, 1, 0, 0]);
  const model = await loadModel(run, { engine: 'auto' });
  const { samples, loss, accuracy } = await evaluatePart(model, 'train');
  t.same([samples, accuracy], [4, 0.75]);
  const [right, wrong] = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.exp(1))];
  t.ok(Math.abs(loss - (3 * right + wrong) / 4) < 1e-6);
});

test('data that are given', async (t) => {
  const folder = t.testdir({
    'x.npy': floats([1, 1], [3]),
    'y.npy': floats([1, 1], [1]),
    'wide.npy': floats([1, 2, 2], [0, 0, 0, 0]),
    'nan.npy': floats([1, 1], [Number.NaN]),
  });
  const file = (name: string): string => join(folder, name);
  const spec = writeRun(join(folder, 'run'), { model: identity, loss: 'meanSquaredError' });
  await writeWeights(file('model'), spec, [1, 0], { loss: 'meanSquaredError' });
  const model = await loadModel(file('model'), { engine: 'reference' });
  const given = (x: string, y: string) => openData({ x: file(x), y: file(y) }, 0).train;
  t.same(await evaluate(model, given('x.npy', 'y.npy')), { samples: 1, loss: 4 });
  await t.rejects(evaluate(model, given('wide.npy', 'y.npy')), {
    name: 'DataError',
    message: 'test inputs: expected samples of shape [1], as the model takes, got [2, 2]',
  });
  await t.rejects(evaluate(model, given('x.npy', 'nan.npy')), { name: 'DataError', message: /test targets, .*nan\.npy, row 0: .*got NaN/ });
  await t.rejects(evaluate(model, given('x.npy', 'y.npy'), { batchSize: 0 }), { name: 'UsageError', message: /^batchSize: .*got 0$/ });
  await t.rejects(evaluatePart(model), { name: 'UsageError', message: /no config.yaml says what data/ });
  await writeWeights(file('bare'), spec, [1, 0]);
  const bare = await loadModel(file('bare'), { engine: 'reference' });
  await t.rejects(evaluate(bare, given('x.npy', 'y.npy')), { name: 'UsageError', message: /does not say what loss/ });
});
