import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Setting } from './settings.js';

/** One of our runs, as the command tells of it. Milliseconds a step, of the last 2,000: compilers and caches are warm. */
export interface Measured {
  readonly step: number;
  readonly median: number;
  readonly p99: number;
  /** Of all steps, with those at the start, and with whatever is decided and saved between epochs. */
  readonly wholeRun: number;
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
  readonly stepMs: Readonly<Record<'mean' | 'median' | 'p99' | 'compute' | 'reduce' | 'update', number>>;
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
  const { mean: step, median, p99, compute, reduce, update } = summary.stepMs;
  const { library, provider } = summary.engine;
  return {
    ...{ step, median, p99, wholeRun: (summary.seconds / summary.steps) * 1_000 },
    ...{ compute, reduce, update, rest: step - compute - reduce - update },
    ...{ samplesPerSecond: summary.samplesPerSecond, engine: `${library} ${provider}` },
  };
}

/** Seconds an epoch of the article's run: 48,000 samples in batches of 32, and the validation; without the first epoch. */
export function measureOurEpoch(epochs: number): number {
  const seconds = (count: number): number => run('--epochs', count).seconds;
  return (seconds(epochs) - seconds(1)) / (epochs - 1);
}
