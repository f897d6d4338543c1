import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { train } from '../../src/index.js';
import { type GoldenRun, goldenCurve, goldenRuns, goldenWeights, initialWeightsFile } from '../golden/runs.js';

/**
 * Trains every golden run with some numbers of real worker processes: Keras's curve each time, and the same bytes every time.
 * @param countsOf numbers of workers to train a run with; none: it is left out
 */
export function testGoldenRuns(engine: string, device: string, countsOf: (run: GoldenRun) => readonly number[]): void {
  for (const run of goldenRuns) {
    const counts = countsOf(run);
    if (counts.length === 0) continue;
    test(`${run.name} on ${engine}, device ${device}`, async (t) => {
      const runs = t.testdir();
      const results: Buffer[] = [];
      for (const workers of counts) {
        const name = `workers-${workers}`;
        const { path, finalWeights } = await train({
          ...run.config,
          tensorboard: false,
          engine,
          device,
          workers,
          runs,
          name,
          initialWeights: initialWeightsFile(run.name),
        });
        t.same(misses(run, path), [], `the curve holds with ${workers} workers`);
        if (run.comparesWeights) t.ok(largestDifference(finalWeights, goldenWeights(run.name, 'final')) < 5e-5, 'the final weights hold');
        results.push(readFileSync(join(path, 'final', 'weights.bin')));
      }
      for (const [i, bytes] of results.slice(1).entries())
        t.ok(bytes.equals(results[0] ?? Buffer.of()), `${counts[i + 1]} workers give the same bytes as ${counts[0]}`);
    });
  }
}

/** Every figure of a run that is further from Keras's than it may be. */
function misses({ name, tolerance }: GoldenRun, path: string): string[] {
  const curve = goldenCurve(name);
  const lines = readFileSync(join(path, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line): Record<string, number | string> => JSON.parse(line));
  const steps = lines.filter(({ kind }) => kind === 'step');
  const epochs = lines.filter(({ kind }) => kind === 'epoch');
  const compare = (what: string, got: unknown, expected: number | undefined, limit: number): string[] =>
    expected === undefined || Math.abs(Number(got) - expected) <= limit * Math.abs(expected)
      ? []
      : [`${what}: expected ${expected}, got ${got}`];
  return [
    ...(steps.length === curve.steps.length && epochs.length === curve.epochs.length
      ? []
      : [`${steps.length} steps, ${epochs.length} epochs`]),
    ...curve.steps.flatMap(({ loss }, i) => compare(`step ${i}`, steps[i]?.['loss'], loss, tolerance(i))),
    ...curve.epochs.flatMap((epoch, i) => {
      const limit = tolerance(Number.POSITIVE_INFINITY);
      return [
        ...compare(`epoch ${i} loss`, epochs[i]?.['loss'], epoch.loss, limit),
        ...compare(`epoch ${i} valLoss`, epochs[i]?.['valLoss'], epoch.val_loss, limit),
        ...compare(`epoch ${i} valAccuracy`, epochs[i]?.['valAccuracy'], epoch.val_accuracy, limit),
        ...compare(`epoch ${i} valMae`, epochs[i]?.['valMae'], epoch.val_mae, limit),
      ];
    }),
  ];
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
