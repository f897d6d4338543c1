import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openData } from '../data/open.js';
import { readResumption } from '../run/resume.js';
import { type RunObserver, run } from '../run/run.js';
import type { Machine } from '../shared/config/machine.js';
import { mergeConfigs } from '../shared/config/merge.js';
import { parseConfig } from '../shared/config/parse.js';
import type { Config } from '../shared/config/schema.js';
import { errorMessage, Interrupted, UsageError } from '../shared/errors.js';
import { version } from '../shared/version.js';
import { readTiming, readTraining } from './cellResults.js';
import { type Cell, cellsOf, type GridSpec, rateFor, shardsFor } from './grid.js';
import type { Failure, TimingResult, TrainingResult } from './results.js';

type Mapping = Readonly<Record<string, unknown>>;

export interface ScaleOptions {
  /** The config that all cells share, as it stands in files. */
  readonly given: Mapping;
  readonly grid: GridSpec;
  /** Steps of a cell that is only timed. */
  readonly timingSteps: number;
  /** Folder of the experiment; one that is there already is gone on with. */
  readonly out: string;
  readonly machine: Machine;
  readonly observer: ScaleObserver;
  /** Ends the cell that is under way with a checkpoint; the experiment can be gone on with. */
  readonly signal: AbortSignal;
  readonly commandLine: readonly string[];
}

export interface ScaleObserver {
  /** A cell begins, goes on, or is done already. */
  onCell?(cell: Cell, number: number, of: number, state: 'new' | 'resumed' | 'done'): void;
  onDone?(cell: Cell, result: TrainingResult | TimingResult): void;
  onFailure?(failure: Failure): void;
  onNotice?(line: string): void;
}

/** All that an experiment has found. */
export interface ScaleResults {
  readonly version: string;
  readonly commandLine: readonly string[];
  readonly grid: GridSpec;
  readonly shards: number;
  readonly config: Mapping;
  readonly trainings: readonly TrainingResult[];
  readonly timings: readonly TimingResult[];
  readonly failures: readonly Failure[];
}

/**
 * Runs a grid of trainings and timings, each a run in a folder of its own. What is done is not done again, what was
 * interrupted goes on, and a cell that fails leaves the others alone.
 * @throws ConfigError, UsageError, DataError before the first cell, Interrupted once the signal aborts
 */
export async function scale(options: ScaleOptions): Promise<ScaleResults> {
  const { given, grid, out, machine, observer, commandLine } = options;
  const shards = shardsFor(grid);
  const config = parseConfig(configOf(given, { batchSize: grid.referenceBatch, workers: 1, shards: 1 }), 'the experiment', machine);
  const samples = openData(config.data, config.validationSplit).train.count;
  const cells = cellsOf(grid);
  checkBatches(cells, shards, samples);
  claim(out, given);
  const trainings: TrainingResult[] = [];
  const timings: TimingResult[] = [];
  const failures: Failure[] = [];
  for (const [i, cell] of cells.entries()) {
    const path = join(out, 'runs', cell.name);
    const isDone = existsSync(join(path, 'summary.json'));
    const isBegun = existsSync(join(path, 'config.yaml'));
    observer.onCell?.(cell, i + 1, cells.length, isDone ? 'done' : isBegun ? 'resumed' : 'new');
    try {
      if (!isDone) await runCell(cell, cellConfig(cell, options, config, samples, shards), isBegun ? path : undefined, options);
      const result = cell.kind === 'training' ? readTraining(path, cell) : readTiming(path, cell);
      if ('curve' in result) trainings.push(result);
      else timings.push(result);
      observer.onDone?.(cell, result);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      const failure = { name: cell.name, reason: errorMessage(error) };
      failures.push(failure);
      observer.onFailure?.(failure);
    }
  }
  return { version, commandLine, grid, shards, config: given, trainings, timings, failures };
}

/** A cell's keys over the experiment's. */
function configOf(given: Mapping, over: Mapping): Mapping {
  // Which runs these are is the experiment's to say.
  const { name, runs, seed, ...rest } = given;
  return mergeConfigs(rest, over);
}

function cellConfig(cell: Cell, { given, grid, out, timingSteps }: ScaleOptions, config: Config, samples: number, shards: number): Mapping {
  const { batchSize, workers, name } = cell;
  const own = { batchSize, workers, shards, name, runs: join(out, 'runs') };
  if (cell.kind === 'timing') {
    const { epochs, target, earlyStopping, reduceOnPlateau, ...rest } = given;
    return configOf(rest, { ...own, steps: timingSteps, checkpoint: { keep: 1 } });
  }
  const learningRate = rateFor(config.optimizer.learningRate, cell, grid, Math.ceil(samples / batchSize));
  return configOf(given, { ...own, seed: cell.seed, optimizer: { learningRate }, checkpoint: { keep: 1 } });
}

async function runCell(cell: Cell, given: Mapping, path: string | undefined, options: ScaleOptions): Promise<void> {
  const { machine, signal, commandLine } = options;
  const resume = path === undefined ? undefined : readResumption(path, given, machine);
  const observer: RunObserver = { onNotice: (line) => options.observer.onNotice?.(`${cell.name}: ${line}`) };
  await run({
    config: resume?.config ?? parseConfig(given, cell.name, machine),
    ...{ resume, fallbackName: cell.name, workers: 'local', observer, signal, commandLine },
  });
}

function checkBatches(cells: readonly Cell[], shards: number, samples: number): void {
  const sizes = [...new Set(cells.map(({ batchSize }) => batchSize))];
  const large = sizes.filter((size) => size > samples);
  if (large.length > 0) throw new UsageError(`--batch-sizes: expected at most the ${samples} training samples, got ${large.join(', ')}`);
  const small = sizes.filter((size) => size < shards);
  if (small.length > 0) {
    const reason = `every cell has the same ${shards} shards (as many as the most workers, as a power of two, and 4 at least)`;
    throw new UsageError(`--batch-sizes: expected at least ${shards}, got ${small.join(', ')}: ${reason}`);
  }
}

/** Notes whose folder this is; one of another config is left alone. */
function claim(out: string, given: Mapping): void {
  const file = join(out, 'experiment.json');
  const own: Mapping = JSON.parse(JSON.stringify(given));
  if (existsSync(file)) {
    const known: Mapping = JSON.parse(readFileSync(file, 'utf8'));
    if (isDeepStrictEqual(known, own)) return;
    const keys = [...new Set([...Object.keys(known), ...Object.keys(own)])].filter((key) => !isDeepStrictEqual(known[key], own[key]));
    throw new UsageError(`${out} holds an experiment with another config (${keys.join(', ')} differ); name another folder with --out`);
  }
  mkdirSync(out, { recursive: true });
  writeFileSync(file, `${JSON.stringify(own, undefined, 2)}\n`);
}
