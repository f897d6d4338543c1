import { test } from 'tap';
import {
  bendOf,
  stepsTo,
  summarizeBatches,
  summarizeSpeeds,
  type TimingResult,
  type TrainingResult,
} from '../../src/experiments/results.js';
import { inWords } from '../../src/experiments/words.js';

const point = (steps: number, accuracy: number): TrainingResult['curve'][number] => ({ steps, loss: 1, validationLoss: 0.5, accuracy });

/** A run that gets to the accuracy in a straight line. */
function training(batchSize: number, seed: number, accuracy: number, steps = 100): TrainingResult {
  const curve = [point(steps / 2, accuracy / 2), point(steps, accuracy)];
  const run = { name: `b${batchSize}`, variant: 'none', workers: 2, seconds: 10, learningRate: 0.1, noiseScale: 300 } as const;
  return { ...run, batchSize, seed, steps, curve };
}

/** A timing of which a quarter was computing. */
function timing(batchSize: number, workers: number, stepMs: number): TimingResult {
  return { name: '', batchSize, workers, engine: 'blas/cpu', stepMs, computeMs: stepMs / 4 };
}

test('steps to a target lie between two epochs', async (t) => {
  const curve = [point(100, 0.8), point(200, 0.9), point(300, 0.95)];
  t.equal(stepsTo(0.9, curve), 200);
  t.ok(Math.abs((stepsTo(0.85, curve) ?? 0) - 150) < 1e-9);
  t.equal(stepsTo(0.5, curve), 100, 'not before the first');
  t.equal(stepsTo(0.96, curve), undefined);
  t.equal(stepsTo(0.9, [{ steps: 5, loss: 1, validationLoss: undefined, accuracy: undefined }]), undefined);
  t.equal(stepsTo(0.9, [point(1, Number.NaN), point(2, 0.95)]), 2, 'from what is no number there is no line');
});

test('means over seeds, and none where a seed has missed the target', async (t) => {
  const [small, large] = summarizeBatches(
    [training(32, 1, 0.96), training(32, 2, 0.98), training(64, 1, 0.96), training(64, 2, 0.5)],
    [timing(32, 2, 5)],
    0.9,
  );
  t.match(small, { batchSize: 32, seeds: 2, reached: 2, noiseScale: { mean: 300, deviation: 0 } });
  t.ok(Math.abs((small?.bestAccuracy?.mean ?? 0) - 0.97) < 1e-9);
  t.ok(Math.abs((small?.bestAccuracy?.deviation ?? 0) - Math.SQRT2 / 100) < 1e-9);
  t.ok(Math.abs((small?.samplesToTarget?.mean ?? 0) - 32 * (small?.stepsToTarget?.mean ?? 0)) < 1e-9);
  t.ok(Math.abs((small?.secondsToTarget?.mean ?? 0) - 0.005 * (small?.stepsToTarget?.mean ?? 0)) < 1e-9);
  t.match(large, { reached: 1, stepsToTarget: undefined });
});

test('the bend: the largest batch that costs at most twice the samples of the cheapest', async (t) => {
  const summaries = summarizeBatches(
    [training(32, 1, 1, 1_000), training(64, 1, 1, 600), training(256, 1, 1, 230), training(1_024, 1, 1, 200)],
    [],
    1,
  );
  t.equal(bendOf(summaries), 256);
  t.equal(bendOf([]), undefined);
  const words = inWords(summaries, [], 1).join('\n');
  t.match(
    words,
    /steps to an accuracy of 1 fall from 1,000 at a batch of 32 to 200 at 1024: 5 times fewer steps for 32 times the samples a step/,
  );
  t.match(words, /Up to a batch of 256/);
  t.match(words, /noise scale .* 300/);
});

test('efficiency: beside the fewest workers at the same batch, or at the same local batch', async (t) => {
  const strong = summarizeSpeeds([timing(64, 1, 8), timing(64, 2, 5), timing(128, 2, 3)], 'strong');
  t.same(
    strong.map(({ efficiency }) => efficiency),
    [1, 0.8, 1],
  );
  t.same(
    strong.map(({ samplesPerSecond }) => Math.round(samplesPerSecond)),
    [8_000, 12_800, 42_667],
  );
  t.same(strong[0], {
    batchSize: 64,
    workers: 1,
    engine: 'blas/cpu',
    stepMs: 8,
    samplesPerSecond: 8_000,
    efficiency: 1,
    computing: 0.25,
    waiting: 0.75,
  });
  t.same(
    summarizeSpeeds([timing(64, 1, 8), timing(128, 2, 10)], 'weak').map(({ efficiency }) => efficiency),
    [1, 0.8],
  );
});
