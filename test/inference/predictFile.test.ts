import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { test } from 'tap';
import { loadModel } from '../../src/inference/loadModel.js';
import { type PredictFileOptions, type Prediction, predictFile } from '../../src/inference/predictFile.js';
import { idxBytes } from '../fixtures/arrays.js';
import { floats, writeRun, writeWeights } from './runs.js';

async function predictions(run: string, file: string, options?: PredictFileOptions): Promise<Prediction[]> {
  const model = await loadModel(run);
  const all: Prediction[] = [];
  for await (const prediction of predictFile(model, join(run, file), options)) all.push(prediction);
  await model.close();
  return all;
}

test('values, from IDX and .npy, divided as in training', async (t) => {
  const run = t.testdir({ 'a.npy': floats([2, 2], [4, 8, 0, 2]), 'a.idx': idxBytes(0x08, [2, 1, 2], [4, 8, 0, 2]) });
  const model = { inputShape: [2], layers: [{ dense: 1 }] };
  const spec = writeRun(run, { model, loss: 'meanSquaredError', data: { normalize: { divide: 4 } } });
  await writeWeights(join(run, 'best'), spec, [1, 10, 0.5]);
  const expected = [
    { sample: 0, outputs: [21.5] },
    { sample: 1, outputs: [5.5] },
  ];
  t.same(await predictions(run, 'a.npy'), expected);
  t.same(await predictions(run, 'a.idx'), expected);
  t.same((await predictions(run, 'a.npy', { preparation: { divide: 1 } }))[0], { sample: 0, outputs: [84.5] });
});

test('outputs that are not finite name no class', async (t) => {
  const run = t.testdir({ 'a.npy': floats([2, 1], [Number.NaN, 1]) });
  const spec = writeRun(run, { model: { inputShape: [1], layers: [{ dense: { units: 2, activation: 'softmax' } }] } });
  await writeWeights(join(run, 'best'), spec, [1, 2, 0, 0]);
  const [first, second] = await predictions(run, 'a.npy');
  t.match(first, { class: null, probability: null });
  t.equal(first?.label, undefined);
  t.match(second, { class: 1 });
});

test('a blank line is a missing value where there is one column', async (t) => {
  const run = t.testdir({ 'one.csv': 'a\n1\n2\n\n4\n5\n\n' });
  const spec = writeRun(run, { model: { inputShape: [1], layers: [{ dense: 1 }] }, loss: 'meanSquaredError' });
  await writeWeights(join(run, 'best'), spec, [1, 0]);
  await t.rejects(predictions(run, 'one.csv'), { message: /one\.csv, line 4, column a: a value is missing/ });
  const filled = { fill: [9], subtract: [0], divide: [1] };
  const outputs = (await predictions(run, 'one.csv', { preparation: filled })).map((prediction) => prediction.outputs[0]);
  t.same(outputs, [1, 2, 9, 4, 5]);
});

test('a file without names is read as the one that the model was trained on, with or without its target', async (t) => {
  const run = t.testdir({ 'all.csv': '1,2,x\n3,4,y\n', 'inputs.csv': '1,2\n3,4\n', 'named.csv': 'b,id,a\n2,7,1\n4,8,3\n' });
  const spec = writeRun(run, { model: { inputShape: [2], layers: [{ dense: 1 }] }, loss: 'meanSquaredError' });
  const inputs = ['a', 'b'].map((name) => ({ name, kind: 'number' }) as const);
  const schema = { inputs, target: [{ name: 'kind', kind: 'category' } as const], reading: { header: false, names: ['a', 'b', 'kind'] } };
  await writeWeights(join(run, 'best'), spec, [1, 10, 0], { schema });
  for (const file of ['all.csv', 'inputs.csv', 'named.csv'])
    t.same(
      (await predictions(run, file)).map(({ outputs }) => outputs[0]),
      [21, 43],
      file,
    );
});

test('a blank line is passed over where there are several columns', async (t) => {
  const run = t.testdir({ 'two.csv': 'a,b\n1,1\n\n2,2\n' });
  const two = writeRun(run, { model: { inputShape: [2], layers: [{ dense: 1 }] }, loss: 'meanSquaredError' });
  await writeWeights(join(run, 'best'), two, [1, 1, 0]);
  const said: string[] = [];
  t.equal((await predictions(run, 'two.csv', { say: (line) => said.push(line) })).length, 2);
  t.match(said, [/two\.csv: blank lines between rows are passed over: 1$/]);
});

test('more samples than are read at a time', async (t) => {
  const run = t.testdir({ 'a.npy': floats([1100], [...Array(1100).keys()]) });
  const spec = writeRun(run, { model: { inputShape: [1], layers: [{ dense: 1 }] }, loss: 'meanSquaredError' });
  await writeWeights(join(run, 'best'), spec, [1, 0]);
  t.same(
    await predictions(run, 'a.npy'),
    Array.from({ length: 1100 }, (_, sample) => ({ sample, outputs: [sample] })),
  );
});

test('whoever asks several processes for no more leaves none', async (t) => {
  const run = t.testdir({ 'a.npy': floats([1100], [...Array(1100).keys()]) });
  const spec = writeRun(run, { model: { inputShape: [1], layers: [{ dense: 1 }] }, loss: 'meanSquaredError' });
  await writeWeights(join(run, 'best'), spec, [1, 0]);
  const processes = (): number => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;
  const model = await loadModel(run);
  for await (const { outputs } of predictFile(model, join(run, 'a.npy'), { workers: 2 })) {
    t.same(outputs, [0]);
    t.equal(processes(), 2);
    break;
  }
  await model.close();
  // Node.js forgets a process at the end of the turn in which it tells of its end, after what was to come at once.
  await setImmediate();
  await setImmediate();
  t.equal(processes(), 0);
});

test('a softmax names the most probable class', async (t) => {
  const run = t.testdir({ 'a.npy': floats([2, 2], [Math.log(3), 0, 0, 0]) });
  const spec = writeRun(run, { model: '2-2' });
  await writeWeights(join(run, 'best'), spec, [0, 1, 1, 0, 0, 0]);
  const [first, second] = await predictions(run, 'a.npy');
  t.equal(first?.class, 1);
  t.ok(Math.abs((first?.probability ?? 0) - 0.75) < 1e-6);
  t.same(second, { sample: 1, outputs: [0.5, 0.5], class: 0, probability: 0.5 });
});

test('one sigmoid names one of two classes, several name none', async (t) => {
  const run = t.testdir({ 'a.npy': floats([3], [0, 100, -100]) });
  const layers = (units: number) => [{ dense: { units, activation: 'sigmoid', useBias: false } }];
  const spec = writeRun(run, { model: { inputShape: [1], layers: layers(1) }, loss: 'binaryCrossentropy' });
  await writeWeights(join(run, 'best'), spec, [1]);
  const classes = (await predictions(run, 'a.npy')).map(({ class: number, probability }) => [number, probability]);
  t.same(classes, [
    [0, 0.5],
    [1, 1],
    [0, 1],
  ]);
  const several = writeRun(join(run, 'several'), { model: { inputShape: [1], layers: layers(2) }, loss: 'binaryCrossentropy' });
  await writeWeights(join(run, 'several/best'), several, [1, 1]);
  writeFileSync(join(run, 'several/a.npy'), floats([1], [0]));
  t.same(await predictions(join(run, 'several'), 'a.npy'), [{ sample: 0, outputs: [0.5, 0.5] }]);
});

test('files that do not fit are refused with both shapes', async (t) => {
  const run = t.testdir({ 'wide.npy': floats([5, 3], Array(15).fill(0)), 'lone.npy': floats([2, 2], [1, 2, 3, 4]) });
  const spec = writeRun(run, { model: { inputShape: [2, 2], layers: ['flatten', { dense: 1 }] }, loss: 'meanSquaredError' });
  await writeWeights(join(run, 'best'), spec, [1, 1, 1, 1, 0]);
  const refuses = (file: string, message: RegExp) => t.rejects(predictions(run, file), { name: 'DataError', message });
  await refuses('wide.npy', /wide.npy, an array of \[5, 3\]: expected samples of shape \[2, 2\], as the model takes, got \[3\]$/);
  await refuses('lone.npy', /lone.npy, an array of \[2, 2\]: expected samples of shape \[2, 2\], as the model takes, got \[2\]$/);
  await refuses('nothing.npy', /nothing.npy: no such file$/);
});
