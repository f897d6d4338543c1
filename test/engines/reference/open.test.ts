import { test } from 'tap';
import type { Engine, EngineTask } from '../../../src/engines/engine.js';
import { openReference } from '../../../src/engines/reference/open.js';
import type { Layer } from '../../../src/shared/model/spec.js';
import { activations } from '../../../src/shared/model/spec.js';
import { dense, dropout, heads, relativeErrors, type Sample, sampleOf, smoothSampleOf, taskOf } from '../samples.js';

const step = 2 ** -8;

/** The fourth-order central difference of the summed loss by every weight. */
async function finiteDifferences(engine: Engine, { batch, weights }: Sample): Promise<Float32Array> {
  const gradient = new Float32Array(weights.length);
  const unused = new Float32Array(weights.length);
  for (const at of weights.keys()) {
    const lossAt = async (offset: number): Promise<number> => {
      const moved = weights.map((value, i) => (i === at ? value + offset : value));
      return (await engine.gradient(batch, moved, unused)).loss;
    };
    const near = (await lossAt(step)) - (await lossAt(-step));
    const far = (await lossAt(2 * step)) - (await lossAt(-2 * step));
    gradient[at] = (8 * near - far) / (12 * step);
  }
  return gradient;
}

async function worstError(task: EngineTask, seed: number): Promise<number> {
  const engine = await openReference(task);
  // Inputs are at most 1, and what moves is one weight: no preactivation moves by more than a few steps.
  const sample = smoothSampleOf(task, 3, seed, 8 * step);
  const gradient = new Float32Array(sample.weights.length).fill(Number.NaN);
  await engine.gradient(sample.batch, sample.weights, gradient);
  return Math.max(...relativeErrors(task.network, gradient, await finiteDifferences(engine, sample)));
}

for (const [activation, loss] of heads) {
  test(`gradient is that of finite differences: ${activation} and ${loss}`, async (t) => {
    t.ok((await worstError(taskOf(3, [dense(4, 'tanh'), dense(3, activation)], loss), 1)) < 1e-5);
  });
}

for (const activation of activations) {
  test(`gradient is that of finite differences: hidden ${activation}, no bias`, async (t) => {
    const layers = [dense(4, activation, false), dense(3, activation), dense(3, 'softmax', false)];
    t.ok((await worstError(taskOf(3, layers, 'categoricalCrossentropy'), 2)) < 1e-5);
  });
}

const dropouts: Readonly<Record<string, Layer[]>> = {
  first: [dropout(0.4), dense(4, 'tanh'), dense(2, 'linear')],
  middle: [dense(4, 'tanh'), dropout(0.4), dropout(0.2), dense(2, 'linear')],
  last: [dense(4, 'tanh'), dense(2, 'sigmoid'), dropout(0.4)],
};
for (const [place, layers] of Object.entries(dropouts)) {
  test(`gradient is that of finite differences: dropout ${place}`, async (t) => {
    t.ok((await worstError(taskOf(3, layers, 'meanSquaredError'), 3)) < 1e-5);
  });
}

test('known values: softmax regression from zero weights', async (t) => {
  const { network, ...rest } = taskOf(2, [dense(2, 'softmax')], 'categoricalCrossentropy');
  const engine = await openReference({ network, ...rest });
  const batch = { count: 1, inputs: new Float32Array([2, 4]), targets: new Float32Array([0, 1]), masks: [] };
  const gradient = new Float32Array(6);
  const { loss, metrics } = await engine.gradient(batch, new Float32Array(6), gradient);
  t.same([...gradient], [1, -1, 2, -2, 0.5, -0.5]);
  t.ok(Math.abs(loss - Math.LN2) < 1e-15);
  t.same(metrics, [0, 0.5, 0.25]);
});

test('a slope at its kink is zero: relu and absolute error', async (t) => {
  const gradient = new Float32Array(2);
  const batch = { count: 1, inputs: new Float32Array([1]), targets: new Float32Array([1]), masks: [] };
  const relu = await openReference(taskOf(1, [dense(1, 'relu')], 'meanSquaredError'));
  await relu.gradient(batch, new Float32Array([0, 0]), gradient);
  t.same([...gradient], [0, 0]);
  const absolute = await openReference(taskOf(1, [dense(1, 'linear')], 'meanAbsoluteError'));
  await absolute.gradient(batch, new Float32Array([1, 0]), gradient);
  t.same([...gradient], [0, 0]);
});

test('probabilities outside the range of Keras are clipped and get no gradient', async (t) => {
  const engine = await openReference(taskOf(1, [dense(1, 'linear')], 'binaryCrossentropy'));
  const gradient = new Float32Array(2);
  const batch = { count: 1, inputs: new Float32Array([1]), targets: new Float32Array([0]), masks: [] };
  const { loss } = await engine.gradient(batch, new Float32Array([2, 0]), gradient);
  t.same([...gradient], [0, 0]);
  t.ok(Math.abs(loss + Math.log(2 ** -23)) < 1e-12, 'as float32 has it: 1 - 1e-7 is 1 - 2^-23 there');
});

test('784-128-10 at 8 samples is quick enough for tests', async (t) => {
  const task = taskOf(784, [dense(128, 'relu'), dense(10, 'softmax')], 'categoricalCrossentropy');
  const { batch, weights } = sampleOf(task, 8, 4, 0.1);
  const gradient = new Float32Array(weights.length);
  const engine = await openReference(task);
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const start = performance.now();
    await engine.gradient(batch, weights, gradient);
    times.push(performance.now() - start);
  }
  t.ok(Math.min(...times) < 15, `${Math.min(...times)} ms`);
});
