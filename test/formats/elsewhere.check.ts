import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import { exportFormats } from '../../src/formats/writeModel.js';
import { loadModel } from '../../src/inference/loadModel.js';
import { missingBrowser, openTab, startBrowser } from '../browser/browser.js';
import { npyBytes } from '../fixtures/arrays.js';
import { runWell } from '../fixtures/cli.js';
import { openData } from '../fixtures/openData.js';
import { pythonWith } from '../fixtures/python.js';
import { skipReason } from '../install/command.js';
import { largestDifference } from './everything.js';

/** Keras 3, Keras 2, ONNX Runtime for Python and tfjs in Chromium load what we write: `npm run test:formats`. */

const skip = skipReason();
const python = skip ? '' : pythonWith(tap, ['tensorflow-cpu==2.21.0', 'keras==3.15.1', 'tf_keras==2.21.0', 'onnxruntime==1.32.0']);

interface Found {
  readonly outputs: readonly (readonly number[])[];
  readonly loss?: string;
  readonly optimizer?: string;
  readonly learningRate?: number;
  readonly iterations?: number;
  readonly regularizers?: readonly number[];
  readonly trained?: readonly number[];
  readonly trainedLoss?: number;
}

function load(kind: 'keras 3' | 'keras 2' | 'onnx', ...args: readonly string[]): Found {
  const script = fileURLToPath(new URL('elsewhere.py', import.meta.url));
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', TF_USE_LEGACY_KERAS: kind === 'keras 2' ? '1' : '0' };
  const output = execFileSync(python, [script, kind === 'onnx' ? kind : 'keras', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

/**
 * The article's network on 2,500 images in their order; without dropout, whose masks are our own, and with a penalty where
 * no weights shrink to nothing, since Adam's direction then depends on the last bit.
 */
const config = `
model:
  inputShape: [28, 28]
  layers:
    - flatten
    - dense: { name: hidden, units: 128, activation: relu }
    - dense: { units: 10, activation: softmax, kernelRegularizer: { l2: 0.01 } }
data: { name: mnist, take: 2500 }
shuffle: false
shards: 4
workers: 2
checkpoint: { format: keras-h5 }
`;
const trainCount = 2_000;

test('what a run has trained gives the same elsewhere, and is trained further there as here', { skip }, async (t) => {
  const folder = t.testdir({ 'config.yaml': config });
  const file = (...names: string[]): string => join(folder, ...names);
  const { train, test: images } = openData({ name: 'mnist', take: 2_500 }, 0.2);
  if (!images) throw new Error('MNIST has a test set');
  const count = 100;
  const first = images.inputs(count);
  for (let i = 0; i < count; i++) first.load(i, i);
  first.finish(count);
  const shape = [count, 28, 28];
  writeFileSync(file('inputs.npy'), npyBytes('<f4', shape, first.values.slice()));
  // ONNX files divide by 255 themselves, in float32 as we do.
  writeFileSync(
    file('pixels.npy'),
    npyBytes(
      '<f4',
      shape,
      first.values.map((value) => Math.round(value * 255)),
    ),
  );
  const all = train.inputs(trainCount);
  const targets = new Float32Array(trainCount * 10);
  for (let i = 0; i < trainCount; i++) {
    all.load(i, i);
    const target = new Float32Array(1);
    train.readTarget(i, target, 0);
    targets[i * 10 + (target[0] ?? 0)] = 1;
  }
  all.finish(trainCount);
  writeFileSync(file('x.npy'), npyBytes('<f4', [trainCount, 28, 28], all.values.slice()));
  writeFileSync(file('y.npy'), npyBytes('<f4', [trainCount, 10], targets));

  await runWell(t, 'up', file('config.yaml'), '--epochs', '2', '--runs', folder, '--name', 'run');
  const run = file('run');
  for (const [format, name] of Object.entries(exportFormats)) {
    await runWell(t, 'export', run, '--format', format, '--weights', 'final', '--output', file(name));
  }
  const model = await loadModel(run, { weights: 'final', engine: 'reference' });
  const outputs = await model.predict(first.values);
  await model.close();
  const isSame = (found: Found, what: string): boolean =>
    t.ok(largestDifference(found.outputs.flat(), outputs) < 1e-5, `${what} gives our outputs`);
  await runWell(t, 'up', '--resume', run, '--epochs', '3', '--runs', folder);
  const { weights: further } = await loadModel(run, { weights: 'final', engine: 'reference' });

  const data = [file('x.npy'), file('y.npy')];
  const keras3 = load('keras 3', file('inputs.npy'), file('model.keras'), ...data);
  const keras2 = load('keras 2', file('inputs.npy'), file('model.h5'), ...data);
  for (const [name, found] of Object.entries({ keras3, keras2 })) {
    isSame(found, name);
    t.match(found, { loss: 'categorical_crossentropy', optimizer: 'Adam', iterations: 126 });
    t.ok(Math.abs((found.learningRate ?? 0) - 0.001) < 1e-9);
    t.ok(Math.abs((found.regularizers?.[0] ?? 0) - 0.01) < 1e-8);
    // With the optimizer's state, its next 63 steps are ours.
    t.ok(largestDifference(found.trained ?? [], further) < 1e-5, `${name} trains further as we do`);
  }
  const h5In3 = load('keras 3', file('inputs.npy'), file('model.h5'), ...data, '--fresh');
  isSame(h5In3, 'the .h5 file in Keras 3');
  t.ok((h5In3.trainedLoss ?? Number.NaN) < 1, 'which trains further, once compiled anew');
  isSame(load('onnx', file('pixels.npy'), file('model.onnx')), 'onnxruntime, of the pixels as they are,');
  t.equal(
    load('keras 2', file('inputs.npy'), file('run', 'best_model.h5')).iterations,
    189,
    'the best model of the run, as it was written while training',
  );
});

const types: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.json': 'application/json', '.html': 'text/html' };

test('tfjs in a browser loads what we export', { skip: skip || missingBrowser || false }, async (t) => {
  const folder = t.testdir({ 'index.html': '<!doctype html><link rel="icon" href="data:,"><script src="tf.min.js"></script>' });
  await runWell(
    t,
    'export',
    fileURLToPath(new URL('../golden/models/regularised.keras', import.meta.url)),
    '--format',
    'tfjs',
    '--output',
    join(folder, 'model'),
  );
  const script = createRequire(import.meta.url).resolve('@tensorflow/tfjs/dist/tf.min.js');
  const server = createServer((request, response) => {
    const path = request.url === '/tf.min.js' ? script : join(folder, request.url === '/' ? 'index.html' : (request.url ?? ''));
    response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream');
    response.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const browser = await startBrowser(t);
  const { page } = await openTab(browser);
  await page.goto(`http://127.0.0.1:${port}/`);
  const inputs = Float32Array.from({ length: 2 * 784 }, (_, i) => (i % 13) / 13);
  const given = await page.evaluate<number[]>(`(async () => {
    await tf.setBackend('cpu');
    const model = await tf.loadLayersModel('/model/model.json');
    return [...(await model.predict(tf.tensor(${JSON.stringify([...inputs])}, [2, 28, 28])).data())];
  })()`);
  const model = await loadModel(join(folder, 'model'), { engine: 'reference' });
  t.ok(largestDifference(given, await model.predict(inputs)) < 1e-5);
  await model.close();
});
