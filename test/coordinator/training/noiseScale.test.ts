import { test } from 'tap';
import { initialNoise, type NoiseState, noiseScaleOf, watchNoise } from '../../../src/coordinator/training/noiseScale.js';
import { threefry } from '../../../src/shared/numbers/random/threefry.js';

/** Normally distributed numbers, the same each time (Box and Muller). */
function normals(seed: number): () => number {
  let counter = 0;
  const words = new Uint32Array(2);
  return () => {
    threefry([seed, 0], counter++, 0, words, 0);
    const [a = 0, b = 0] = words;
    return Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32)) * Math.cos((2 * Math.PI * b) / 2 ** 32);
  };
}

/** Steps over samples whose gradients are `signal` in every one of so many values, and noise of deviation `spread`. */
function watched(signal: number, spread: number, values: number, shards: readonly number[], steps: number): NoiseState {
  const normal = normals(values);
  let state = initialNoise;
  for (let step = 0; step < steps; step++) {
    const sums = shards.map((count) => Array.from({ length: values }, () => count * signal + Math.sqrt(count) * spread * normal()));
    const total = shards.reduce((sum, count) => sum + count, 0);
    const mean = Array.from({ length: values }, (_, i) => sums.reduce((sum, values) => sum + (values[i] ?? 0), 0) / total);
    const norm = (row: readonly number[]): number => row.reduce((sum, value) => sum + value ** 2, 0);
    const answers = sums.map((row, i) => ({ count: shards[i] ?? 0, squaredNorm: norm(row) }));
    state = watchNoise(state, answers, norm(mean));
  }
  return state;
}

test('the estimate is that of the distribution the gradients were drawn from', async (t) => {
  for (const shards of [
    [8, 8, 8, 8],
    [32, 32],
    [5, 9, 17],
  ]) {
    const found = noiseScaleOf(watched(0.1, 0.5, 50, shards, 1_500)) ?? 0;
    t.ok(Math.abs(found / 25 - 1) < 0.15, `shards of ${shards}: ${found}, expected 25`);
  }
});

test('no estimate without two shards, without a signal, and from what is not finite', async (t) => {
  t.equal(noiseScaleOf(initialNoise), null);
  t.equal(watchNoise(initialNoise, [{ count: 32, squaredNorm: 5 }], 1), initialNoise);
  const pair = [
    { count: 4, squaredNorm: 4 },
    { count: 4, squaredNorm: 4 },
  ];
  t.equal(watchNoise(initialNoise, pair, Number.POSITIVE_INFINITY), initialNoise);
  t.equal(noiseScaleOf(watchNoise(initialNoise, pair, 0)), null, 'gradients that cancel have no signal');
  t.equal(noiseScaleOf(watchNoise(initialNoise, pair, 0.25)), null, 'equal gradients have no noise');
});
