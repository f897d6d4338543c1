import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { cachesOf } from '../data/cache/place.js';
import { loadData } from '../data/openData.js';
import { readingOf } from '../data/readingMemory.js';
import { withoutSecretsIn } from '../data/remote/dataAddress.js';
import { run } from '../run/run.js';
import type { RunObserver } from '../run/runPorts.js';
import { takeResumption } from '../runFolder/resume.js';
import type { Config } from '../shared/config/configSchema.js';
import type { Machine } from '../shared/config/machine.js';
import { isMapping, mergeConfigs } from '../shared/config/merge.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { type TrainingLength, trainingLength } from '../shared/config/trainingLength.js';
import { writeDurably } from '../shared/files/durableFile.js';
import { version } from '../shared/system/version.js';
import { DataError, errorMessage, Interrupted, orInterrupted, RunError, UsageError } from '../shared/text/errors.js';
import { readJson } from '../shared/text/json.js';
import { readTiming, readTraining } from './cellResults.js';
import { type Cell, cellsOf, distinct, type GridSpec, rateFor, shardsFor, warmupNotes } from './grid.js';
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
  /** The only cell to run, counted from 1 among those that are distinct; or none: what others have done is read. Default: all. */
  readonly only?: number | 'none' | undefined;
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
  /** What a person should know of the experiment: one line. */
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
  const { given, grid, out, only, machine, observer, commandLine } = options;
  const shards = shardsFor(grid);
  const config = parseConfig(configOf(given, { batchSize: grid.referenceBatch, workers: 1, shards: 1 }), 'the experiment', machine);
  const place = { folders: cachesOf(config.runs), signal: options.signal };
  const { train } = await orInterrupted(loadData(config.data, config.validationSplit, place, readingOf(config)), options.signal);
  const samples = train.count;
  const cells = cellsOf(grid);
  checkBatches(cells, shards);
  await claim(out, given);
  const lengthOf = (batchSize: number): TrainingLength => trainingLength({ ...config, batchSize }, samples);
  const notes = [
    ...shortBatchNotes(cells, samples),
    ...warmupNotes(
      cells.map((cell) => asTrained(cell, samples)),
      grid,
      lengthOf,
    ),
  ];
  if (only !== 'none') for (const note of notes) observer.onNotice?.(note);
  const trainings: TrainingResult[] = [];
  const timings: TimingResult[] = [];
  const failures: Failure[] = [];
  const done = <R extends TrainingResult | TimingResult>(cell: Cell, result: R): R => {
    observer.onDone?.(cell, result);
    return result;
  };
  const wanted = typeof only === 'number' ? [cellNumbered(only, cells)] : cells;
  const count = typeof only === 'number' ? distinct(cells).length : cells.length;
  for (const [i, cell] of wanted.entries()) {
    const path = join(out, 'runs', cell.name);
    const state = stateOf(path);
    observer.onCell?.(cell, typeof only === 'number' ? only : i + 1, count, state);
    try {
      if (state !== 'done') await runCell(cell.name, cellConfig(cell, options, config, samples, shards), path, state, options);
      if (cell.kind === 'training') trainings.push(done(cell, readTraining(path, asTrained(cell, samples))));
      else timings.push(done(cell, readTiming(path, asTrained(cell, samples))));
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      const failure = { name: cell.name, reason: errorMessage(error) };
      failures.push(failure);
      observer.onFailure?.(failure);
    }
  }
  const shown = JSON.parse(withoutSecretsIn(JSON.stringify(given)));
  return { version, commandLine: commandLine.map(withoutSecretsIn), grid, shards, config: shown, trainings, timings, failures };
}

function stateOf(path: string): 'new' | 'resumed' | 'done' {
  if (existsSync(join(path, 'summary.json'))) return 'done';
  return existsSync(join(path, 'config.yaml')) ? 'resumed' : 'new';
}

function cellNumbered(number: number, cells: readonly Cell[]): Cell {
  const all = distinct(cells);
  const cell = all[number - 1];
  if (!cell) throw new UsageError(`--cell: expected 1 to ${all.length}, got ${number}`);
  return cell;
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
  const learningRate = rateFor(
    config.optimizer.learningRate,
    asTrained(cell, samples),
    grid,
    trainingLength({ ...config, batchSize }, samples),
  );
  return configOf(given, { ...own, seed: cell.seed, optimizer: { learningRate }, checkpoint: { keep: 1 } });
}

async function runCell(name: string, given: Mapping, path: string, state: 'new' | 'resumed', options: ScaleOptions): Promise<void> {
  const { only, machine, signal, commandLine } = options;
  if (only === 'none') throw new RunError(state === 'new' ? 'it has not been run' : 'it is not over');
  const resume = state === 'new' ? undefined : await takeResumption(path, given, machine);
  // What it has to say is in its own log.
  const observer: RunObserver = {};
  await run({
    config: resume?.config ?? parseConfig(given, name, machine),
    ...{ resume, fallbackName: name, workers: 'local', observer, signal, commandLine },
  });
}

/** A cell with the samples that its steps have: no more than there are. */
function asTrained<C extends Cell>(cell: C, samples: number): C {
  return { ...cell, batchSize: Math.min(cell.batchSize, samples) };
}

function shortBatchNotes(cells: readonly Cell[], samples: number): string[] {
  const large = [...new Set(cells.map(({ batchSize }) => batchSize))].filter((size) => size > samples);
  return large.map((size) => `a batch of ${size} is more than the ${samples} training samples: every step takes all of them`);
}

function checkBatches(cells: readonly Cell[], shards: number): void {
  const sizes = [...new Set(cells.map(({ batchSize }) => batchSize))];
  const small = sizes.filter((size) => size < shards);
  if (small.length > 0) {
    const reason = `every cell has the same ${shards} shards (as many as the most workers, as a power of two, and 4 at least)`;
    throw new UsageError(`--batch-sizes: expected at least ${shards}, got ${small.join(', ')}: ${reason}`);
  }
}

/** Notes whose folder this is; one of another config is left alone. */
async function claim(out: string, given: Mapping): Promise<void> {
  const file = join(out, 'experiment.json');
  const own: Mapping = JSON.parse(JSON.stringify(given));
  if (existsSync(file)) {
    const known = readJson(file);
    if (!isMapping(known)) throw new DataError(`${file}: expected the config of an experiment, got ${JSON.stringify(known)}`);
    if (isDeepStrictEqual(known, own)) return;
    const keys = [...new Set([...Object.keys(known), ...Object.keys(own)])].filter((key) => !isDeepStrictEqual(known[key], own[key]));
    throw new UsageError(`${out} holds an experiment with another config (${keys.join(', ')} differ); name another folder with --out`);
  }
  mkdirSync(out, { recursive: true });
  await writeDurably(file, [Buffer.from(`${JSON.stringify(own, undefined, 2)}\n`)]);
}
