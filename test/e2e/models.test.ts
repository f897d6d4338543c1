import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { parse } from 'yaml';
import { readModelAt } from '../../src/formats/openModel.js';
import { train } from '../../src/index.js';
import { buildNetwork } from '../../src/shared/model/network.js';
import { runCli, runWell, someMnist } from '../fixtures/cli.js';
import { metricsOf } from '../fixtures/runFolder.js';

const article = fileURLToPath(new URL('../golden/models/article.h5', import.meta.url));

function bytesAt(run: string): Buffer {
  return readFileSync(join(run, 'final', 'weights.bin'));
}

test('a run starts from a Keras model, leaves the layers that are named, and gives the same weights at any number of workers', async (t) => {
  const runs = t.testdir();
  const before = (await readModelAt(article)).model;
  const [kernel] = buildNetwork(before.spec).layout.parameters;
  const common = [
    ...someMnist,
    '--from',
    article,
    '--freeze',
    'dense',
    '--optimizer',
    'adamw',
    '--epochs',
    '1',
    '--shards',
    '2',
    '--runs',
    runs,
  ];
  for (const workers of ['1', '2']) await runWell(t, 'up', ...common, '--workers', workers, '--name', `workers-${workers}`);
  const run = join(runs, 'workers-1');
  t.ok(bytesAt(run).equals(bytesAt(join(runs, 'workers-2'))));
  // It begins where Keras has left it, and not with random weights.
  t.ok(Number(metricsOf(run, 'step')[0]?.['loss']) < 0.5);

  const { model } = await readModelAt(run, 'final');
  const frozen = (kernel?.size ?? 0) + 128;
  t.same(model.weights.subarray(0, frozen), before.weights.subarray(0, frozen), 'AdamW leaves a frozen layer as it is');
  t.notSame(model.weights.subarray(frozen), before.weights.subarray(frozen), 'and trains the other');
  const config = parse(readFileSync(join(run, 'config.yaml'), 'utf8'));
  t.match(config, { from: article, loss: 'categoricalCrossentropy' });
  t.match(config.model.layers, [
    'flatten',
    { dense: { name: 'dense', trainable: false } },
    { dense: { name: 'dense_2', trainable: true } },
  ]);

  // What it began with is not asked for again.
  await runWell(t, 'up', '--resume', run, '--epochs', '2');
  t.equal(metricsOf(run, 'epoch').length, 2);
});

test('a new last layer begins with fresh weights, which is said', async (t) => {
  const runs = t.testdir();
  const notices: string[] = [];
  const model = {
    inputShape: [28, 28],
    layers: ['flatten', { dense: { units: 128, activation: 'relu' } }, { dense: { units: 12, activation: 'softmax' } }],
  };
  const config = { data: { name: 'mnist', take: 600 }, from: article, model, epochs: 1, workers: 1, runs, name: 'head', engine: 'onnx' };
  await train(config, { onNotice: (line) => notices.push(line) });
  t.match(notices, [`from ${article}; with fresh weights: dense1/kernel [128, 12], there [128, 10]; dense1/bias [12], there [10]`]);
  const other = { inputShape: [28, 28], layers: ['flatten', { dense: { units: 12, activation: 'softmax' } }] };
  await t.rejects(train({ ...config, model: other }), {
    name: 'DataError',
    message: /none of its weights fit the config's model: dense0\/kernel/,
  });
});

test("what Keras's files have otherwise is said when a run starts and when its model is exported", async (t) => {
  const runs = t.testdir();
  const notices: string[] = [];
  const model = {
    inputShape: [28, 28],
    layers: ['flatten', { dense: { name: 'top_level_model_weights', units: 10, activation: 'softmax' } }],
  };
  const optimizer = { learningRate: { schedule: 'constant', initial: 0.001, warmupSteps: 5 } };
  const common = { data: { name: 'mnist', take: 600 }, epochs: 1, workers: 1, runs, name: 'names', engine: 'onnx' };
  await train({ ...common, model, optimizer, checkpoint: { format: 'keras-h5' } }, { onNotice: (line) => notices.push(line) });
  const expected = [
    'Keras has no warm-up for constant (warmupSteps: 5): the file has the rate after it; only cosineDecay keeps its warm-up',
    'Keras and tfjs do not take these names of layers: in the file top_level_model_weights is top_level_model_weights_',
  ];
  t.same(
    notices.filter((line) => line.startsWith('Keras')),
    expected,
  );
  const { model: best } = await readModelAt(join(runs, 'names', 'best_model.h5'));
  t.match(best.spec.layers, [{ kind: 'flatten' }, { name: 'top_level_model_weights_' }]);
  const { stderr } = await runWell(t, 'export', join(runs, 'names'), '--format', 'keras', '--output', join(runs, 'names.keras'));
  for (const line of expected) t.match(stderr, line);
});

test('what cannot be started from, frozen or exported is refused', async (t) => {
  const folder = t.testdir({ 'bad.h5': 'not HDF5', 'model.h5': 'there' });
  const refused = async (pattern: RegExp, ...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runCli(t, ...args);
    t.not(code, 0);
    t.match(stderr, pattern);
  };
  await refused(/nothing.h5: no such folder or file/, 'up', '--from', join(folder, 'nothing.h5'));
  await refused(
    /bad.h5: expected a model: a Keras .h5 or .keras file, .*, got one that begins with "not HDF5"/,
    'up',
    '--from',
    join(folder, 'bad.h5'),
  );
  await refused(
    /freeze: expected names of dense layers \(dense, dense_2\), got "dense_1"; did you mean "dense_2"\?/,
    'up',
    '--from',
    article,
    '--freeze',
    'dense_1',
  );
  await refused(/model: expected a dense layer that is trained, got none/, 'up', '--from', article, '--freeze', 'dense,dense_2');
  await refused(/from: expected from or initialWeights, got both/, 'up', '--from', article, '--initial-weights', 'w.f32');
  await refused(/model.h5: is there already/, 'export', article, '--format', 'keras-h5', '--output', join(folder, 'model.h5'));
  await refused(/is one model: best can be asked for only of a run/, 'export', article, '--format', 'onnx', '--weights', 'best');
  await refused(/argument 'h5' is invalid. Allowed choices are keras-h5, keras, tfjs, onnx/, 'export', article, '--format', 'h5');
  t.notOk(existsSync(join(folder, 'runs')));
});
