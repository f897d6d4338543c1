import { test } from 'tap';
import { StepColumns } from '../../../src/view/dashboard/stepColumns.js';

function columnsOf(losses: readonly unknown[]): StepColumns {
  const columns = new StepColumns();
  for (const loss of losses) columns.add(32, { loss, learningRate: 0.1 });
  return columns;
}

test('every step by itself', async (t) => {
  const series = columnsOf([3, 2, 'NaN', null, 1]).series(1, 5, 1);
  t.same(series.step, [1, 2, 3, 4]);
  t.same(series.samples, [64, 96, 128, 160]);
  t.same(series.columns['loss'], { mean: [2, null, null, 1] }, 'what is not finite or not known is null');
});

test('several steps a point: their mean, least and largest', async (t) => {
  const series = columnsOf([3, 2, 'Infinity', 4, 1]).series(0, 5, 2);
  t.same(series.step, [1, 3, 4], 'the last of each');
  t.same(series.columns['loss'], { mean: [2.5, 4, 1], min: [2, 4, 1], max: [3, 4, 1] });
});

test('points begin at multiples of the stride, wherever a series is asked from', async (t) => {
  const columns = columnsOf(Array.from({ length: 1_000 }, (_, i) => i));
  const whole = columns.series(0, 1_000, 8);
  const part = columns.series(333, 700, 8);
  t.equal(part.from, 328);
  t.same(part.columns['loss']?.mean.slice(0, -1), whole.columns['loss']?.mean.slice(41, 87));
});

test('a figure that comes later is not known before', async (t) => {
  const columns = new StepColumns();
  columns.add(32, { loss: 1 });
  columns.add(32, { loss: 2, noiseScale: 7 });
  t.same(columns.series(0, 2, 1).columns['noiseScale'], { mean: [null, 7] });
  t.same(columns.last(), { loss: 2, noiseScale: 7 });
});

test('nothing yet', async (t) => {
  t.same(new StepColumns().series(0, 100, 4).step, []);
  t.same(new StepColumns().last(), {});
});
