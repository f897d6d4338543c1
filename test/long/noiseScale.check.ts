import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { BatchReader } from '../../src/data/samples/batch.js';
import { sparseTargets, targetEncoding } from '../../src/data/samples/targets.js';
import { openEngine } from '../../src/engines/openEngine.js';
import { train } from '../../src/index.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { buildNetwork } from '../../src/shared/model/network.js';
import { openData } from '../fixtures/openData.js';
import { metricsOf } from '../fixtures/runFolder.js';

/**
 * The noise scale of a run beside that of all single samples, at three points of a training whose weights are held there:
 * `npm run check:noise`.
 */

const model = '784-128-10';
const points = [0, 300, 3_000];
const [batchSize, shards, steps, seeds] = [256, 8, 400, [1, 2, 3, 4, 5]];

/** |G|^2 and tr(S) over all training samples: every one's gradient by itself. */
async function bruteForce(weightsOf: (size: number) => Promise<Float32Array>): Promise<{ signal: number; noise: number; samples: number }> {
  const config = parseConfig({ model }, 'check', { cores: 1 });
  const network = buildNetwork(config.model);
  const { train: data } = openData({ name: 'mnist' }, config.validationSplit);
  const { loss } = config;
  const isSparse = sparseTargets(loss, network.outputs, data);
  const engine = await openEngine('auto', { network, loss, metrics: [], sparseTargets: isSparse, threads: 1, device: 'cpu' });
  const weights = await weightsOf(network.layout.size);
  const reader = new BatchReader(data, targetEncoding(loss, network.outputs, data), network.outputs, 1);
  const gradient = new Float32Array(weights.length);
  const sum = new Float64Array(weights.length);
  let squares = 0;
  for (let sample = 0; sample < data.count; sample++) {
    reader.fillRange(sample, 1);
    await engine.gradient({ count: 1, inputs: reader.inputs, targets: reader.targets, masks: [] }, weights, gradient);
    for (let i = 0; i < gradient.length; i++) {
      const value = gradient[i] ?? 0;
      sum[i] = (sum[i] ?? 0) + value;
      squares += value * value;
    }
  }
  await engine.close();
  const signal = sum.reduce((norm, value) => norm + (value / data.count) ** 2, 0);
  return { signal, noise: squares / data.count - signal, samples: data.count };
}

const rows: Record<string, number | string>[] = [];

for (const point of points) {
  test(`after ${point} steps`, async (t) => {
    const runs = t.testdir();
    const before = point === 0 ? undefined : await train({ model, steps: point, workers: 2, runs, name: 'before' });
    const initialWeights = join(runs, 'weights.bin');
    const weightsOf = async (size: number): Promise<Float32Array> => {
      const { initialWeights: fresh } = await import('../../src/shared/model/initialWeights.js');
      const weights = before?.finalWeights ?? fresh(buildNetwork(parseConfig({ model }, 'check', { cores: 1 }).model).layout, 1);
      if (weights.length !== size) throw new Error(`expected ${size} weights, got ${weights.length}`);
      writeFileSync(initialWeights, new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength));
      return weights;
    };
    const { signal, noise } = await bruteForce(weightsOf);
    const expected = noise / signal;

    const estimates: number[] = [];
    for (const seed of seeds) {
      // So small a rate moves no float32 weight.
      const optimizer = { name: 'sgd', learningRate: 1e-30 };
      const held = { model, initialWeights, optimizer, batchSize, shards, steps, seed, workers: 2, validationSplit: 0.2 };
      const { path } = await train({ ...held, runs, name: `held-${seed}` });
      estimates.push(Number(metricsOf(path, 'step').at(-1)?.['noiseScale']));
    }
    const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
    const variance = estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (estimates.length - 1);
    // Student's t for four degrees of freedom.
    const margin = 2.776 * Math.sqrt(variance / estimates.length);
    const figure = (value: number): number => Number(value.toPrecision(4));
    rows.push({ 'after steps': point, 'brute force': figure(expected), run: figure(mean), '95 % +-': figure(margin) });
    t.ok(Math.abs(mean / expected - 1) < 0.15, `brute force ${expected.toFixed(1)}, run ${mean.toFixed(1)} +- ${margin.toFixed(1)}`);
  });
}

test('the figures are kept', async (t) => {
  console.table(rows);
  const folder = new URL('../../bench/results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const method = { model, batchSize, shards, steps, seeds };
  writeFileSync(new URL('noise.json', folder), `${JSON.stringify({ method, rows }, undefined, 2)}\n`);
  t.equal(rows.length, points.length);
});
