import { test } from 'tap';
import { cellsOf, type GridSpec, rateFor, shardsFor, warmupNotes } from '../../src/experiments/grid.js';

const spec: GridSpec = {
  batchSizes: [64, 32],
  workers: [2, 1],
  rules: ['none', 'linear'],
  learningRates: [],
  seeds: 2,
  sweep: 'strong',
  referenceBatch: 32,
  warmupEpochs: 5,
};
const names = (change: Partial<GridSpec>): string[] => cellsOf({ ...spec, ...change }).map(({ name }) => name);

test('fixed global batches: each trained once a seed and rule, every number of workers timed', async (t) => {
  t.same(names({}), [
    ...['time-b32-w1', 'time-b32-w2', 'time-b64-w1', 'time-b64-w2'],
    // At the reference batch the rules are one, and so are their runs.
    ...['b32-none-s1', 'b32-none-s2', 'b32-none-s1', 'b32-none-s2'],
    ...['b64-none-s1', 'b64-none-s2', 'b64-linear-s1', 'b64-linear-s2'],
  ]);
  const trainings = cellsOf(spec).filter(({ kind }) => kind === 'training');
  t.ok(
    trainings.every(({ workers }) => workers === 2),
    'with the most workers',
  );
});

test('fixed local batches: the global one grows with the workers', async (t) => {
  t.same(names({ sweep: 'weak', seeds: 1, rules: ['none'] }), [
    ...['time-b32-w1', 'time-b64-w2', 'time-b64-w1', 'time-b128-w2'],
    ...['b32-none-s1', 'b64-none-s1', 'b128-none-s1'],
  ]);
});

test('learning rates in place of rules', async (t) => {
  t.same(names({ batchSizes: [32], workers: [1], learningRates: [0.1, 0.001], seeds: 1 }), [
    'time-b32-w1',
    'b32-rate-0.1-s1',
    'b32-rate-0.001-s1',
  ]);
});

test('shards: the same in all cells, enough for the most workers', async (t) => {
  t.same(
    [[1], [2, 4], [5], [16]].map((workers) => shardsFor({ workers })),
    [4, 4, 8, 16],
  );
});

test('rules: rates in proportion to the batch or its root, reached over the warm-up', async (t) => {
  const base = { schedule: 'constant', initial: 0.01, warmupSteps: 0 } as const;
  const rate = (batchSize: number, variant: Parameters<typeof rateFor>[1]['variant']): unknown =>
    rateFor(base, { batchSize, variant }, spec, { stepsPerEpoch: 100, totalSteps: 1_000 });
  t.same(rate(128, 'none'), base);
  t.same(rate(128, 'linear'), { ...base, initial: 0.04, warmupSteps: 500 });
  t.same(rate(128, 'sqrt'), { ...base, initial: 0.02, warmupSteps: 500 });
  t.same(rate(8, 'linear'), { ...base, initial: 0.0025 }, 'a lower rate needs no warm-up');
  t.same(rate(128, 'rate 0.3'), { ...base, initial: 0.3 });
  const steps = { schedule: 'piecewiseConstant', boundaries: [10], values: [0.1, 0.01], warmupSteps: 0 } satisfies Parameters<
    typeof rateFor
  >[0];
  const long = { stepsPerEpoch: 100, totalSteps: 501 };
  t.same(rateFor(steps, { batchSize: 64, variant: 'linear' }, spec, long), { ...steps, values: [0.2, 0.02], warmupSteps: 500 });
});

test('a warm-up ends within the training, and is told of where it is shortened', async (t) => {
  const base = { schedule: 'constant', initial: 0.01, warmupSteps: 0 } as const;
  const length = { stepsPerEpoch: 100, totalSteps: 500 };
  t.equal(rateFor(base, { batchSize: 64, variant: 'linear' }, spec, length).warmupSteps, 250);
  const notes = (length: Parameters<typeof rateFor>[3], change: Partial<GridSpec> = {}): string[] =>
    warmupNotes(cellsOf({ ...spec, ...change }), spec, () => length);
  t.match(notes(length), [/^a warm-up of 5 epochs is .* \(batch 64\): it is shortened to half of the training; set --warmup-epochs/]);
  t.same(notes({ ...length, totalSteps: 501 }), []);
  t.same(notes(length, { rules: ['none'] }), [], 'the same rate has none');
});
