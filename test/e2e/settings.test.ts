import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { train } from '../../src/index.js';
import { npyBytes } from '../fixtures/arrays.js';
import { checkpointsOf, metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** What a config's settings do to a run, on a tiny regression that can be learnt: y = x0 - x1. */

const x = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
const y = Float32Array.from({ length: 16 }, (_, i) => (x[2 * i] ?? 0) - (x[2 * i + 1] ?? 0));
const files = { 'x.npy': npyBytes('<f4', [16, 2], x), 'y.npy': npyBytes('<f4', [16, 1], y) };

/** Two steps an epoch. */
function tiny(folder: string, name: string): Record<string, unknown> {
  return {
    ...{ data: { x: join(folder, 'x.npy'), y: join(folder, 'y.npy') }, model: '2-1', loss: 'meanSquaredError', engine: 'reference' },
    ...{ batchSize: 8, validationSplit: 0, workers: 1, epochs: 3, runs: folder, name },
  };
}

// Rates of the steps 0 to 5, by Keras's formulas.
const schedules: readonly (readonly [optimizer: string, rate: unknown, rates: readonly number[]])[] = [
  ['adam', { schedule: 'constant', initial: 0.1, warmupSteps: 2 }, [0.05, 0.1, 0.1, 0.1, 0.1, 0.1]],
  ['adamw', { schedule: 'exponentialDecay', initial: 0.1, decaySteps: 1, decayRate: 0.5 }, [0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125]],
  ['sgd', { schedule: 'cosineDecay', initial: 0.1, decaySteps: 4 }, [0.1, 0.0853553, 0.05, 0.0146447, 0, 0]],
  ['rmsprop', { schedule: 'piecewiseConstant', boundaries: [1, 3], values: [0.1, 0.05, 0.01] }, [0.1, 0.1, 0.05, 0.05, 0.01, 0.01]],
  ['adam', { schedule: 'polynomialDecay', initial: 0.1, decaySteps: 4, end: 0.02 }, [0.1, 0.08, 0.06, 0.04, 0.02, 0.02]],
];

for (const [name, learningRate, rates] of schedules) {
  const schedule = Object(learningRate).schedule;
  test(`${name} with ${schedule}`, async (t) => {
    const folder = t.testdir(files);
    const { path } = await train({ ...tiny(folder, 'run'), optimizer: { name, learningRate } });
    const steps = metricsOf(path, 'step');
    t.same(
      steps.map(({ learningRate: rate }) => Number(Number(rate).toFixed(7))),
      rates,
    );
    const [first, , last] = metricsOf(path, 'epoch').map(({ loss }) => Number(loss));
    t.ok(Number(last) < Number(first), 'it learns');
  });
}

test('a run ends by steps, epochs or its target', async (t) => {
  const folder = t.testdir(files);
  const optimizer = { name: 'sgd', learningRate: 0.2 };
  const byEpochs = await train({ ...tiny(folder, 'epochs'), optimizer });
  t.match(byEpochs.summary, { reason: 'epochs', epochs: 3, steps: 6 });
  const bySteps = await train({ ...tiny(folder, 'steps'), optimizer, steps: 3 });
  t.match(bySteps.summary, { reason: 'steps', epochs: 2, steps: 3 });
  t.same(
    metricsOf(bySteps.path, 'step').map(({ step, epoch }) => [step, epoch]),
    [
      [0, 0],
      [1, 0],
      [2, 1],
    ],
  );
  const target = 0.001;
  const byTarget = await train({ ...tiny(folder, 'target'), optimizer, target, epochs: 1_000 });
  const losses = metricsOf(byTarget.path, 'epoch').map(({ loss }) => Number(loss));
  t.equal(byTarget.summary.reason, 'target');
  t.ok(Number(losses.at(-1)) <= target);
  t.ok(
    losses.slice(0, -1).every((loss) => loss > target),
    'at the first epoch that reaches it',
  );
});

test('checkpoints every few steps, of which the newest are kept', async (t) => {
  const folder = t.testdir(files);
  const { path, finalWeights } = await train({ ...tiny(folder, 'run'), steps: 7, epochs: 4, checkpoint: { every: 2, keep: 3 } });
  t.same(
    readdirSync(join(path, 'checkpoints')).sort(),
    ['4', '6', '7'].map((step) => `step-00000000${step}.checkpoint`),
  );
  const checkpoints = checkpointsOf(path);
  t.same(
    checkpoints.map(({ progress }) => progress.step),
    [4, 6, 7],
  );
  t.same(checkpoints.at(-1)?.optimizer.weights, finalWeights);
});

test('saveBestOnly: false keeps the model of every epoch, and the best is one of them', async (t) => {
  const folder = t.testdir(files);
  const config = { ...tiny(folder, 'run'), optimizer: { name: 'sgd', learningRate: 0.9 }, epochs: 4 };
  const { path, summary } = await train({ ...config, checkpoint: { saveBestOnly: false } });
  const weights = weightsOf(path);
  t.same(Object.keys(weights), ['best/weights.bin', ...[0, 1, 2, 3].map((epoch) => `epochs/${epoch}/weights.bin`), 'final/weights.bin']);
  t.equal(weights['best/weights.bin'], weights[`epochs/${summary.bestEpoch}/weights.bin`]);
  t.equal(weights['final/weights.bin'], weights['epochs/3/weights.bin']);
  const losses = metricsOf(path, 'epoch').map(({ loss }) => Number(loss));
  t.equal(summary.bestEpoch, losses.indexOf(Math.min(...losses)));
});
