import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Setting } from './settings.js';

/** One of our runs, as the command tells of it. Milliseconds a step. */
export interface Measured {
  readonly step: number;
  /** The slower worker's. */
  readonly compute: number;
  readonly reduce: number;
  readonly update: number;
  /** All that is left: handing the step over, waiting, and what the coordinator does besides. */
  readonly rest: number;
  readonly samplesPerSecond: number;
  readonly engine: string;
}

interface Summary {
  readonly steps: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
  readonly engine: { readonly library: string; readonly provider: string };
  readonly workers: readonly { readonly computeSeconds: number }[];
  readonly coordinator: { readonly reduceSeconds: number; readonly updateSeconds: number };
}

const cli = fileURLToPath(import.meta.resolve('#cli'));

function run(...flags: readonly (string | number)[]): Summary {
  const runs = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));
  try {
    const args = [cli, 'up', '--workers', '2', '--runs', runs, '--json', ...flags.map(String)];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } finally {
    rmSync(runs, { recursive: true, force: true });
  }
}

/**
 * Whole runs of `bpnn-dist up` over two workers, on MNIST, without validation.
 * @param shards 2 cuts a batch as PyTorch and Keras do, one part a worker; our default is 4
 */
export function measureOurs({ hidden, batchSize, steps }: Setting, shards: number, ...flags: readonly string[]): Measured {
  const model = [784, ...hidden, 10].join('-');
  const summary = run(
    '--model',
    model,
    '--batch-size',
    batchSize,
    '--steps',
    steps,
    '--epochs',
    1_000,
    '--shards',
    shards,
    '--validation-split',
    0,
    ...flags,
  );
  const each = (seconds: number): number => (seconds / summary.steps) * 1_000;
  const step = each(summary.seconds);
  const compute = Math.max(...summary.workers.map(({ computeSeconds }) => each(computeSeconds)));
  const [reduce, update] = [each(summary.coordinator.reduceSeconds), each(summary.coordinator.updateSeconds)];
  const { library, provider } = summary.engine;
  return {
    ...{ step, compute, reduce, update, rest: step - compute - reduce - update },
    ...{ samplesPerSecond: summary.samplesPerSecond, engine: `${library} ${provider}` },
  };
}

/** Seconds an epoch of the article's run: 48,000 samples in batches of 32, and the validation. */
export function measureOurEpoch(epochs: number): number {
  const { seconds, epochs: done } = run('--epochs', epochs);
  return seconds / done;
}
