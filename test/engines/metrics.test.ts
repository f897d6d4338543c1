import { test } from 'tap';
import { metricSums } from '../../src/engines/metrics.js';

test('one output: accuracy is binary, with a threshold of 0.5 that itself counts as 0', async (t) => {
  const outputs = [0.6, 0.5, 0.4, 0.9];
  t.same(metricSums(['accuracy'], outputs, [1, 1, 0, 0.9], 4, 1), [2]);
});

test('several outputs: accuracy compares the first largest', async (t) => {
  const outputs = new Float32Array([0.2, 0.8, 0.5, 0.5, 0.1, 0.9]);
  const targets = new Float32Array([0, 1, 1, 0, 1, 0]);
  t.same(metricSums(['accuracy'], outputs, targets, 3, 2), [2]);
});

test('mae and mse are means over the outputs, summed over the samples', async (t) => {
  const outputs = new Float32Array([1, 2, 3, 4]);
  const targets = new Float32Array([1, 4, 2, 8]);
  t.same(metricSums(['mae', 'mse'], outputs, targets, 2, 2), [1 + 2.5, 2 + 8.5]);
});

test('rows past the first n do not count', async (t) => {
  t.same(metricSums(['mse', 'accuracy'], [2, 100], [0, 0], 1, 1), [4, 0]);
});

test('no metrics, no samples', async (t) => {
  t.same(metricSums([], [1], [1], 1, 1), []);
  t.same(metricSums(['mae'], [], [], 0, 3), [0]);
});
