import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { cellsOf, distinct, type GridSpec, rules } from '../../experiments/grid.js';
import type { ScaleObserver } from '../../experiments/runGrid.js';
import type { ReadConfig } from '../../run/readConfig.js';
import type { Config } from '../../shared/config/configSchema.js';
import { machineHere } from '../../shared/config/machine.js';
import { RunError, UsageError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { configFlags } from '../flags/configFlags.js';
import { loadConfig } from '../flags/loadConfig.js';
import { wholeFlag } from '../flags/wholeFlag.js';
import { stoppable } from '../process/stoppable.js';
import { duration, figure } from '../screen/format.js';
import { print } from '../screen/print.js';

/** Keys that the grid says, or that are the experiment's own. */
const ownKeys: ReadonlySet<string> = new Set(['batchSize', 'workers', 'shards', 'seed', 'name', 'runs', 'steps']);

export interface ScaleFlags extends Readonly<Record<string, unknown>> {
  readonly batchSizes: string;
  readonly workers: string;
  readonly lrScaling: string;
  readonly learningRates?: string;
  readonly seeds: string;
  readonly targetAccuracy: string;
  readonly sweep: string;
  readonly referenceBatch: string;
  readonly warmupEpochs: string;
  readonly timingSteps: string;
  readonly out?: string;
}

interface Flags extends ScaleFlags {
  readonly cell?: string;
  readonly report?: true;
  readonly list?: true;
  readonly json?: true;
}

/** What `scale` goes over, and where to. */
export interface Experiment {
  readonly given: ReadConfig['given'];
  readonly config: Config;
  readonly grid: GridSpec;
  /** Validation accuracy until which steps and time are counted. */
  readonly target: number;
  /** Folder of the experiment. */
  readonly out: string;
  readonly timingSteps: number;
}

export function scaleCommand(): Command {
  const command = new Command('scale')
    .description('how speed and accuracy change with the global batch and the workers: trains a grid and writes a report')
    .argument('[config]', 'YAML file with what all cells share');
  return addScaleFlags(command)
    .addOption(new Option('--cell <n>', 'run this cell alone, and write no report').conflicts(['report', 'list']))
    .addOption(new Option('--report', 'run nothing: write the report of what has been run').conflicts('list'))
    .option('--list', 'run nothing: list the cells with their numbers')
    .option('--json', 'print the results as JSON')
    .addHelpText('after', '\nExample:\n  bpnn-dist scale --batch-sizes 32,128,512 --workers 1,2 --epochs 20 --target-accuracy 0.97')
    .action(runScale);
}

/** Adds the flags of the grid, and those of the config that all cells share. */
export function addScaleFlags(command: Command): Command {
  command
    .option('--batch-sizes <a,b>', 'global batches', '32,128,512,2048')
    .option('--workers <a,b>', 'numbers of workers', '1,2')
    .option('--lr-scaling <a,b>', `how the learning rate follows the batch: ${rules.join(', ')}`, rules.join(','))
    .addOption(
      new Option('--learning-rates <a,b>', 'try each of these at every batch instead, since a fair comparison retunes them').conflicts([
        ...['lrScaling', 'learningRate', 'referenceBatch', 'warmupEpochs'],
      ]),
    )
    .option('--seeds <n>', 'trainings of each cell', '3')
    .option('--target-accuracy <x>', 'steps and time are counted until this validation accuracy', '0.97')
    .option('--sweep <kind>', 'strong: fixed global batches; weak: --batch-sizes are what each worker gets', 'strong')
    .option('--reference-batch <n>', "the batch that the config's learning rate is for", '32')
    .option('--warmup-epochs <x>', "epochs over which a rate above the config's is first reached", '5')
    .option('--timing-steps <n>', 'steps of cells that are only timed', '500')
    .option('--out <folder>', "folder of the experiment; one that is there is gone on with (default: runs/scale, or the config's name)");
  for (const { path, options } of configFlags()) {
    if (!ownKeys.has(path[0] ?? '')) for (const option of options) command.addOption(option);
  }
  return command;
}

/** The experiment that flags describe. @throws UsageError, ConfigError */
export async function experimentOf(file: string | undefined, { workers, ...flags }: ScaleFlags): Promise<Experiment> {
  const { given, name, config } = await loadConfig(file, flags);
  const grid = {
    batchSizes: wholes('--batch-sizes', flags.batchSizes),
    workers: wholes('--workers', workers),
    rules: words('--lr-scaling', flags.lrScaling, rules),
    learningRates: flags.learningRates === undefined ? [] : numbers('--learning-rates', flags.learningRates),
    seeds: wholeFlag('--seeds', flags.seeds),
    sweep: only('--sweep', words('--sweep', flags.sweep, ['strong', 'weak'] as const)),
    referenceBatch: wholeFlag('--reference-batch', flags.referenceBatch),
    warmupEpochs: only('--warmup-epochs', numbers('--warmup-epochs', flags.warmupEpochs)),
  };
  const target = only('--target-accuracy', numbers('--target-accuracy', flags.targetAccuracy));
  if (target > 1) throw new UsageError(`--target-accuracy: expected at most 1, got ${target}`);
  const out = resolve(flags.out ?? join(config.runs, file === undefined ? 'scale' : `scale-${name}`));
  return { given, config, grid, target, out, timingSteps: wholeFlag('--timing-steps', flags.timingSteps) };
}

async function runScale(file: string | undefined, flags: Flags): Promise<void> {
  const { given, config, grid, target, out, timingSteps } = await experimentOf(file, flags);
  if (flags.list === true) {
    const names = distinct(cellsOf(grid)).map(({ name }, i) => `${i + 1}  ${name}\n`);
    process.stdout.write(names.join(''));
    return;
  }
  const { scale } = await import('../../experiments/runGrid.js');
  const { writeReport } = await import('../../experiments/report.js');
  const stop = stoppable(config.gracePeriod, say);
  try {
    const results = await scale({
      ...{ given, grid, out, timingSteps, observer: observerOf(say), signal: stop.signal, commandLine: process.argv.slice(2) },
      only: flags.report === true ? 'none' : flags.cell === undefined ? undefined : wholeFlag('--cell', flags.cell),
      machine: machineHere(),
    });
    const { failures, trainings, timings } = results;
    if (flags.cell === undefined) {
      const { html, csv, json, words: sentences } = writeReport(out, results, target);
      print(flags.json === true ? JSON.stringify(results) : [...sentences, '', html, csv, json].join('\n'));
    }
    if (trainings.length + timings.length === 0) {
      const [first] = failures;
      throw new RunError(
        flags.cell === undefined ? `all ${failures.length} cells failed; the first: ${first?.reason}` : `${first?.name} failed`,
      );
    }
  } finally {
    stop.close();
  }
}

function observerOf(say: (line: string) => void): ScaleObserver {
  const startedAt = performance.now();
  return {
    onCell(cell, number, of, state) {
      if (state !== 'done') say(`cell ${number} of ${of}: ${cell.name}${state === 'resumed' ? ', going on' : ''}`);
    },
    onDone(_, result) {
      const time = duration((performance.now() - startedAt) / 1_000);
      if (!('curve' in result)) say(`  ${figure(result.stepMs)} ms a step  (${time} so far)`);
      else say(`  accuracy ${figure(result.curve.at(-1)?.accuracy ?? Number.NaN)} after ${result.steps} steps  (${time} so far)`);
    },
    onNotice: say,
    onFailure: ({ name, reason }) => say(`  ${name} failed: ${reason}`),
  };
}

function parts(flag: string, text: string): string[] {
  const found = text.split(',').map((part) => part.trim());
  if (text.trim() === '' || found.includes('')) throw new UsageError(`${flag}: expected a list such as 1,2,4, got "${text}"`);
  return found;
}

function numbers(flag: string, text: string): number[] {
  return parts(flag, text).map((part) => {
    const value = Number(part);
    if (!(value >= 0 && Number.isFinite(value))) throw new UsageError(`${flag}: expected numbers of at least 0, got ${part}`);
    return value;
  });
}

function wholes(flag: string, text: string): number[] {
  return parts(flag, text).map((part) => wholeFlag(flag, part));
}

function words<T extends string>(flag: string, text: string, known: readonly T[]): T[] {
  return parts(flag, text).map((part) => {
    const word = known.find((one) => one === part);
    if (word === undefined) throw new UsageError(`${flag}: expected ${known.join(', ')}, got ${part}`);
    return word;
  });
}

function only<T>(flag: string, values: readonly T[]): T {
  const [value, ...rest] = values;
  if (value === undefined || rest.length > 0) throw new UsageError(`${flag}: expected one value, got ${values.join(', ')}`);
  return value;
}
