import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap, { test } from 'tap';
import { train } from '../../src/index.js';
import { pythonWith } from '../fixtures/python.js';
import { skipReason } from '../install/command.js';

/** Three tables that ship with scikit-learn, from CSV, beside scikit-learn's own MLP: `npm run check:tables`. */

const skip = skipReason();
const python = skip ? '' : pythonWith(tap, ['scikit-learn==1.9.1']);

interface Found {
  readonly scores: readonly number[];
  /** Of a regression's test targets. */
  readonly variance: number | null;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test('tables from CSV reach the figures of the MLP of scikit-learn', { skip }, async (t) => {
  const folder = t.testdir();
  const script = fileURLToPath(new URL('tables.py', import.meta.url));
  const theirs: Record<string, Found> = JSON.parse(execFileSync(python, [script, folder], { encoding: 'utf8' }));
  for (const [name, inputs, outputs] of [
    ['digits', 64, 10],
    ['cancer', 30, 2],
    ['diabetes', 10, 1],
  ] as const) {
    const file = (part: string): string => join(folder, `${name}-${part}.csv`);
    const isClass = outputs > 1;
    const scores: number[] = [];
    for (const seed of [1, 2, 3, 4, 5]) {
      const { summary } = await train({
        model: `${inputs}-64-${outputs}`,
        data: { table: file('train'), target: 'target', normalize: 'standardize', test: { table: file('test') } },
        loss: isClass ? 'categoricalCrossentropy' : 'meanSquaredError',
        ...{ batchSize: 32, epochs: isClass ? 60 : 400, validationSplit: 0, seed, workers: 1, engine: 'onnx', tensorboard: false },
        ...{ runs: folder, name: `${name}-${seed}` },
      });
      const { variance } = theirs[name] ?? {};
      scores.push(isClass ? Number(summary['finalTestAccuracy']) : 1 - Number(summary['finalTestLoss']) / (variance ?? 1));
    }
    const found = theirs[name]?.scores ?? [];
    const [ours, other] = [mean(scores), mean(found)];
    t.comment(
      `${name}: ${isClass ? 'accuracy' : 'R2'} ${scores.map((score) => score.toFixed(3)).join(' ')}, mean ${ours.toFixed(4)}; scikit-learn ${found.map((score) => score.toFixed(3)).join(' ')}, mean ${other.toFixed(4)}`,
    );
    // A hundredth is about two samples of these test sets, or the spread of the seeds.
    t.ok(ours > other - 0.015, `${name}: ${ours} beside ${other}`);
  }
});
