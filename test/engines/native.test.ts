import fc from 'fast-check';
import { test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { openBlasEngine } from '../../src/engines/blas/open.js';
import type { EngineTask } from '../../src/engines/engine.js';
import { openOnnx } from '../../src/engines/onnx/open.js';
import { openReference } from '../../src/engines/reference/open.js';
import { hasTensorflow, loadTensorflow } from '../../src/engines/tensorflow/binding.js';
import { openTensorflow } from '../../src/engines/tensorflow/open.js';
import { activations, type Layer } from '../../src/shared/model/spec.js';
import { dense, dropout, heads, relativeErrors, sampleOf, smoothSampleOf, taskOf } from './samples.js';
import { hasWebgpu } from './webgpu.js';

const engines = {
  'onnx on cpu': (task: EngineTask) => openOnnx(task, { provider: 'cpu' }),
  'onnx on webgpu': (task: EngineTask) => openOnnx(task, { provider: 'webgpu' }),
  'onnx on wasm': (task: EngineTask) => openOnnx(task, { provider: 'wasm' }),
  blas: openBlasEngine,
  tensorflow: openTensorflow,
};
type Name = keyof typeof engines;
/** Those that this machine has. */
const isThere: Readonly<Record<Name, boolean>> = {
  ...{ 'onnx on cpu': true, 'onnx on wasm': true, 'onnx on webgpu': await hasWebgpu(), blas: hasBlas(1), tensorflow: hasTensorflow() },
};
const names = (Object.keys(engines) as Name[]).filter((name) => isThere[name]);

test('the machine has a BLAS', { skip: !hasBlas(1) && 'it has none: the engine blas is not tested' }, (t) => t.end());

/** The largest relative difference of a tensor of the gradient, or of a sum, from the reference's. */
async function worstError(task: EngineTask, name: Name, count: number, seed: number, sampleWeights?: Float32Array): Promise<number> {
  const { batch: plain, weights } = smoothSampleOf(task, count, seed, 1e-4);
  const batch = { ...plain, sampleWeights };
  const [reference, engine] = [await openReference(task), await engines[name](task)];
  const [expected, actual] = [new Float32Array(weights.length), new Float32Array(weights.length).fill(Number.NaN)];
  const expectedSums = await reference.gradient(batch, weights, expected);
  const actualSums = await engine.gradient(batch, weights, actual);
  await engine.close();
  const ofSums = [expectedSums.loss, ...expectedSums.metrics].map((wanted, i) => {
    const got = [actualSums.loss, ...actualSums.metrics][i] ?? Number.NaN;
    return Math.abs(got - wanted) / Math.max(Math.abs(wanted), 1e-6);
  });
  return Math.max(...relativeErrors(task.network, actual, expected), ...ofSums);
}

for (const name of names) {
  test(`${name}: gradients and sums are the reference's, whatever the last activation and the loss`, async (t) => {
    for (const [activation, loss] of heads) {
      const task = taskOf(5, [dense(6, 'tanh'), dense(3, activation)], loss);
      t.ok((await worstError(task, name, 7, 1)) <= 1e-5, `${activation}, ${loss}`);
    }
  });

  test(`${name}: weights of samples multiply their losses and gradients, and not their metrics`, async (t) => {
    const weights = Float32Array.of(1, 0, 2.5, 0.125, 3, 1, 7);
    for (const [activation, loss] of heads) {
      for (const width of loss === 'binaryCrossentropy' || loss.startsWith('mean') ? [1, 3] : [3]) {
        const task = taskOf(5, [dense(6, 'tanh'), dense(width, activation)], loss);
        t.ok((await worstError(task, name, 7, 1, weights)) <= 1e-5, `${activation}, ${loss}, ${width} outputs`);
      }
    }
    const task = taskOf(5, [dense(6, 'tanh'), dense(3, 'softmax')], 'categoricalCrossentropy');
    const { batch, weights: parameters } = sampleOf(task, 7, 1);
    const engine = await engines[name](task);
    const weighted = await engine.evaluate({ ...batch, sampleWeights: weights }, parameters);
    const plain = await engine.evaluate(batch, parameters);
    const again = await engine.evaluate({ ...batch, sampleWeights: new Float32Array(7).fill(1) }, parameters);
    t.same(weighted.metrics, plain.metrics);
    t.not(weighted.loss, plain.loss);
    t.equal(Math.fround(again.loss), Math.fround(plain.loss), 'weights of 1 change nothing');
    await engine.close();
  });

  test(`${name}: gradients and sums are the reference's, whatever the hidden activation`, async (t) => {
    for (const activation of activations) {
      const task = taskOf(5, [dense(6, activation, false), dense(4, activation), dense(3, 'softmax', false)], 'categoricalCrossentropy');
      t.ok((await worstError(task, name, 7, 2)) <= 1e-5, activation);
    }
  });

  test(`${name}: gradients and sums are the reference's for random networks`, async (t) => {
    const layer = fc.oneof(
      fc.record({ units: fc.integer({ min: 1, max: 9 }), activation: fc.constantFrom(...activations), useBias: fc.boolean() }),
      fc.record({ rate: fc.constantFrom(0, 0.2, 0.5) }),
    );
    const chains = fc.record({
      inputs: fc.integer({ min: 1, max: 9 }),
      hidden: fc.array(layer, { maxLength: 4 }),
      outputs: fc.integer({ min: 1, max: 5 }),
      head: fc.constantFrom(...heads),
      last: fc.option(fc.constant(dropout(0.3)), { nil: undefined }),
      count: fc.integer({ min: 1, max: 20 }),
      seed: fc.integer({ min: 0, max: 1e6 }),
    });
    await fc.assert(
      fc.asyncProperty(chains, async ({ inputs, hidden, outputs, head: [activation, loss], last, count, seed }) => {
        // A dropped probability is no probability.
        const tail = last && (loss === 'meanSquaredError' || loss === 'meanAbsoluteError') ? [last] : [];
        const layers: Layer[] = hidden.map((part) =>
          'rate' in part ? dropout(part.rate) : dense(part.units, part.activation, part.useBias),
        );
        // A config refuses classes in one output: its probability is 1, where the logarithm is clipped.
        const width = loss.endsWith('ategoricalCrossentropy') ? outputs + 1 : outputs;
        const task = taskOf(inputs, [...layers, dense(width, activation), ...tail], loss);
        return (await worstError(task, name, count, seed)) <= 1e-5;
      }),
      // A fixed seed: about one in two thousand gradients is small by cancellation, and float32 then keeps fewer digits.
      { numRuns: name === 'onnx on webgpu' ? 10 : 40, seed: 1 },
    );
    t.pass('for all of them');
  });

  test(`${name}: huge logits stay finite`, async (t) => {
    for (const [activation, loss] of [
      ['softmax', 'categoricalCrossentropy'],
      ['sigmoid', 'binaryCrossentropy'],
    ] as const) {
      const engine = await engines[name](taskOf(1, [dense(2, activation)], loss));
      const batch = { count: 2, inputs: new Float32Array([1, -1]), targets: new Float32Array([1, 0, 1, 0]), masks: [] };
      const gradient = new Float32Array(4);
      const { loss: sum } = await engine.gradient(batch, new Float32Array([1e4, -1e4, 0, 0]), gradient);
      t.equal(sum, activation === 'softmax' ? 2e4 : 1e4);
      t.same([...gradient], activation === 'softmax' ? [1, -1, -1, 1] : [0.5, -0.5, -0.5, 0.5]);
      await engine.close();
    }
  });

  test(`${name}: evaluate and predict leave dropout out, and evaluate's sums are otherwise gradient's`, async (t) => {
    const layers = [dropout(0.5), dense(6, 'relu'), dense(3, 'softmax')];
    const task = taskOf(5, layers, 'categoricalCrossentropy');
    const { batch, weights } = sampleOf(task, 9, 3);
    const engine = await engines[name](task);
    const evaluated = await engine.evaluate(batch, weights);
    const kept = { ...batch, masks: batch.masks.map((mask) => mask.map(() => 1)) };
    t.same(evaluated, await engine.gradient(kept, weights, new Float32Array(weights.length)));
    t.not(evaluated.loss, (await engine.gradient(batch, weights, new Float32Array(weights.length))).loss);
    const expected = await (await openReference(task)).predict(batch, weights);
    const predicted = await engine.predict(batch, weights);
    t.equal(predicted.length, expected.length);
    t.ok(predicted.every((value, i) => Math.abs(value - (expected[i] ?? 0)) < 1e-6));
    await engine.close();
  });

  test(`${name}: the same bits again, from views of a WebAssembly memory longer than the batch`, async (t) => {
    const task = taskOf(5, [dense(6, 'relu'), dropout(0.5), dense(3, 'softmax')], 'categoricalCrossentropy');
    const { batch, weights } = sampleOf(task, 4, 5);
    const engine = await engines[name](task);
    const expected = new Float32Array(weights.length);
    const sums = await engine.gradient(batch, weights, expected);

    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    let used = 12;
    const place = (values: Float32Array, spare: number): Float32Array => {
      const view = new Float32Array(memory.buffer, used, values.length + spare).fill(Number.NaN);
      view.set(values);
      used += view.byteLength + 4;
      return view;
    };
    const placed = {
      count: 4,
      inputs: place(batch.inputs, 10),
      targets: place(batch.targets, 6),
      masks: batch.masks.map((mask) => place(mask, 12)),
    };
    const placedWeights = place(weights, 0);
    const gradient = place(new Float32Array(weights.length), 0);
    for (let run = 0; run < 3; run++) {
      gradient.fill(Number.NaN);
      t.same(await engine.gradient(placed, placedWeights, gradient), sums);
      t.same(gradient, expected);
    }
    await engine.close();
  });

  test(`${name}: weights that are kept give the same bits, until others are`, async (t) => {
    const task = taskOf(5, [dense(6, 'relu'), dense(3, 'softmax')], 'categoricalCrossentropy');
    const { batch, weights } = sampleOf(task, 4, 5);
    const engine = await engines[name](task);
    const gradientOf = async (values: Float32Array): Promise<Float32Array> => {
      const gradient = new Float32Array(values.length);
      await engine.gradient(batch, values, gradient);
      return gradient;
    };
    const other = weights.map((value) => value / 2);
    const [expected, expectedOther] = [await gradientOf(weights), await gradientOf(other)];
    await engine.keepWeights?.(weights);
    for (let run = 0; run < 3; run++) {
      t.same(await gradientOf(weights), expected);
      t.same(await gradientOf(other), expectedOther, 'others may come between');
    }
    const sums = await engine.evaluate(batch, other);
    weights.set(other);
    await engine.keepWeights?.(weights);
    t.same(await gradientOf(weights), expectedOther, 'new values in the same array');
    t.same(await engine.evaluate(batch, weights), sums);
    await engine.close();
  });

  test(`${name}: sees new values in arrays it knows, and tells a smaller batch in them apart`, async (t) => {
    const task = taskOf(2, [dense(1, 'linear', false)], 'meanSquaredError');
    const engine = await engines[name](task);
    const [weights, gradient] = [new Float32Array([1, 1]), new Float32Array(2)];
    const batch = { count: 2, inputs: new Float32Array([1, 0, 0, 1]), targets: new Float32Array(2), masks: [] };
    t.equal((await engine.gradient(batch, weights, gradient)).loss, 2);
    t.same([...gradient], [2, 2]);
    weights[0] = 3;
    t.equal((await engine.gradient(batch, weights, gradient)).loss, 10);
    t.same([...gradient], [6, 2]);
    t.equal((await engine.gradient({ ...batch, count: 1 }, weights, gradient)).loss, 9);
    t.same([...gradient], [6, 0]);
    t.same(await engine.gradient({ ...batch, count: 0 }, weights, gradient), { loss: 0, metrics: [0, 0, 0] });
    t.same([...gradient], [0, 0]);
    await engine.close();
  });
}

for (const [precision, most] of [
  ['fp16', 2 ** -9],
  ['bf16', 2 ** -6],
] as const) {
  test(`factors of products in ${precision}: the reference's gradients to as many digits`, async (t) => {
    const task = { ...taskOf(20, [dense(16, 'tanh'), dropout(0.5), dense(3, 'softmax')], 'categoricalCrossentropy'), precision };
    // ONNX Runtime's CPU takes the rounding out again, but it can read the graph.
    const known: Name[] = ['tensorflow', ...(precision === 'fp16' ? ['onnx on cpu' as const] : [])];
    const { batch, weights } = smoothSampleOf(task, 40, 7, 1e-4);
    const expected = new Float32Array(weights.length);
    await (await openReference({ ...task, precision: 'fp32' })).gradient(batch, weights, expected);
    for (const name of known.filter((one) => isThere[one])) {
      const engine = await engines[name](task);
      const gradient = new Float32Array(weights.length);
      await engine.gradient(batch, weights, gradient);
      await engine.close();
      const error = norm(gradient.map((value, i) => value - (expected[i] ?? 0))) / norm(expected);
      t.ok(error < most, `${name}: ${error}`);
      if (name === 'tensorflow') t.ok(error > 1e-5, 'they are rounded');
    }
  });
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
}

test('tensorflow leaves no tensor behind, whatever becomes of a batch', { skip: !hasTensorflow() && 'it is not installed' }, async (t) => {
  const task = taskOf(2, [dropout(0.5), dense(3, 'relu'), dense(1, 'linear')], 'meanSquaredError');
  const { batch, weights } = sampleOf(task, 5, 6);
  const engine = await openTensorflow(task);
  const { binding } = loadTensorflow('cpu', 1);
  const gradient = new Float32Array(weights.length);
  await engine.gradient(batch, weights, gradient);
  const constants = binding.getNumOfTensors();
  for (let i = 0; i < 5; i++) {
    await engine.gradient(batch, weights, gradient);
    await engine.evaluate(batch, weights);
    await engine.predict(batch, weights);
    await engine.keepWeights?.(weights.slice());
    await t.rejects(engine.gradient({ ...batch, masks: [] }, weights, gradient), RangeError);
  }
  t.equal(binding.getNumOfTensors(), constants + task.network.layout.parameters.length, 'but for the weights that are kept');
  await engine.close();
  t.equal(binding.getNumOfTensors(), 0);
});

test('a dropout without its mask is refused', async (t) => {
  const task = taskOf(2, [dropout(0.5), dense(1, 'linear')], 'meanSquaredError');
  const { batch, weights } = sampleOf(task, 1, 6);
  const all = [await openOnnx(task), await openReference(task), ...(hasBlas(1) ? [await openBlasEngine(task)] : [])];
  for (const engine of all) {
    const run = engine.gradient({ ...batch, masks: [] }, weights, new Float32Array(weights.length));
    await t.rejects(run, new RangeError('the batch has no mask for dropout 0'));
    await engine.close();
  }
});
