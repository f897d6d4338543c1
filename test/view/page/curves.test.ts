import { test } from 'tap';
import type { StepSeries } from '../../../src/view/dashboard/api.js';
import { StepColumns } from '../../../src/view/dashboard/stepColumns.js';
import { joined, placeOfStep, smoothed, stepsBetween, strideFor, titleOf, validationName, zoomed } from '../../../src/view/page/curves.js';

test('as many steps a point as a chart can show', async (t) => {
  t.same([0, 1, 1_200, 1_201, 15_000, 1e6].map(strideFor), [1, 1, 1, 2, 16, 1_024]);
});

test('a series that goes on is that of all steps', async (t) => {
  const columns = new StepColumns();
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) columns.add(32, { loss: Math.sin(columns.count) });
  };
  add(37);
  const old = columns.series(0, 37, 4);
  add(20);
  const from = Math.floor(36 / 4) * 4;
  t.same(joined(old, columns.series(from, 57, 4)), columns.series(0, 57, 4));
});

test("smoothing is TensorBoard's, with a weight a step", async (t) => {
  // As its debiased moving average gives it: 1, (0.5 * 0.5 + 0.5 * 3) / 0.75, ...
  t.same(smoothed([1, 3, null, 3], 0.5, 1), [1, 1.75 / 0.75, null, (1.75 / 2 + 1.5) / 0.875]);
  t.same(smoothed([1, 3], 0.5, 2), [1, (0.75 * 0.25 + 0.75 * 3) / (1 - 0.0625)], 'two steps a point');
});

const series = { from: 0, to: 12, stride: 4, step: [3, 7, 11], samples: [128, 256, 384] } as unknown as StepSeries;

test('places and steps', async (t) => {
  t.equal(placeOfStep(series, series.samples, 5), 192);
  t.equal(placeOfStep(series, series.samples, 3), 128);
  t.equal(placeOfStep(series, series.samples, 99), 384);
  t.same(stepsBetween(series, series.samples, [200, 300]), [3, 12], 'all points that have a part in it');
  t.same(stepsBetween(series, series.samples, [0, 1e9]), [0, 12]);
});

test('zooming stays within what there is', async (t) => {
  t.same(zoomed([0, 100], [0, 100], 0.5, 0), [25, 75]);
  t.same(zoomed([0, 20], [0, 100], 1, -0.5), [0, 20]);
  t.same(zoomed([80, 100], [0, 100], 1, 0.5), [80, 100]);
  t.same(zoomed([40, 60], [0, 100], 10, 0), [0, 100]);
});

test('names as people write them', async (t) => {
  t.equal(titleOf('valAccuracy'), 'Validation accuracy');
  t.equal(titleOf('learningRate'), 'Learning rate');
  t.equal(validationName('loss'), 'valLoss');
});
