import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { cellsOf, distinct } from '../experiments/grid.js';
import { UsageError } from '../shared/errors.js';
import type { SbatchOptions } from '../slurm/jobScript.js';
import { configFlags } from './configFlags.js';
import { amount } from './format.js';
import { givenWords } from './givenWords.js';
import { loadConfig } from './loadConfig.js';
import { ownCommand } from './ownCommand.js';
import { addScaleFlags, experimentOf, type ScaleFlags } from './scale.js';

/** What sbatch is told, beside what it is that runs. */
interface JobFlags {
  readonly time?: string;
  readonly jobName?: string;
  readonly cpusPerTask?: string;
  readonly gpusPerNode?: string;
  readonly gpusPerTask?: string;
  readonly partition?: string;
  readonly account?: string;
  readonly signalBefore: string;
  readonly sbatch: readonly string[];
  readonly dryRun?: true;
}

interface TrainFlags extends JobFlags {
  readonly nodes: string;
  readonly workersPerNode?: string;
}

interface ArrayFlags extends JobFlags, ScaleFlags {
  readonly atOnce?: string;
}

export function slurmCommand(): Command {
  const command = new Command('slurm')
    .description('train on a Slurm cluster: submits a job with a coordinator and a worker a GPU; with scale, an experiment')
    .argument('[config]', 'YAML file with the config; flags go over it')
    .option('--nodes <n>', 'nodes of the job', '1')
    .option('--workers-per-node <n>', 'workers on each node (default: one a GPU; without GPUs one)');
  addJobFlags(command);
  for (const { path, options } of configFlags()) {
    // How many workers there are is the job's to say.
    if (path[0] !== 'workers') for (const option of options) command.addOption(option);
  }
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  bpnn-dist slurm examples/article.yaml --nodes 4 --gpus-per-node 4 --time 2:00:00\n  bpnn-dist slurm scale --batch-sizes 32,128,512 --workers 1,2 --time 30:00',
    )
    .action((file: string | undefined, flags: TrainFlags & Record<string, unknown>) => train(file, flags, command))
    .enablePositionalOptions()
    .addCommand(slurmScaleCommand());
}

function slurmScaleCommand(): Command {
  const command = addScaleFlags(
    new Command('scale')
      .description('an experiment over batch sizes as an array of jobs, a cell each, and a job that writes the report')
      .argument('[config]', 'YAML file with what all cells share')
      .option('--at-once <n>', 'cells that may run at the same time (default: all)'),
  );
  return addJobFlags(command).action((file: string | undefined, flags: ArrayFlags) => experiment(file, flags, command));
}

const jobFlags = [
  ['--time <limit>', 'time that the job may take, as Slurm writes it; it is then saved, queued again, and goes on'],
  ['--job-name <name>', "the job's name (default: the config's)"],
  ['--cpus-per-task <n>', 'cores of each worker (a training), of each cell (an experiment)'],
  ['--gpus-per-node <n>', 'GPUs of each node; with their type as a100:4'],
  ['--gpus-per-task <n>', 'GPUs of each task, where the cluster is asked for them in this way'],
  ['--partition <name>', 'as sbatch has it'],
  ['--account <name>', 'as sbatch has it'],
] as const;

function addJobFlags(command: Command): Command {
  for (const [flags, description] of jobFlags) command.option(flags, description);
  return command
    .option('--signal-before <seconds>', 'so long before the time is up the run is saved', '120')
    .option(
      '--sbatch <option>',
      'any other option of sbatch, such as --sbatch=--qos=high; as often as needed',
      (option: string, before: string[]) => [...before, option],
      [],
    )
    .option('--dry-run', 'print the script and submit nothing');
}

/** Flags that are not the run's or the experiment's own. */
const notPassedOn: ReadonlySet<string> = new Set([
  ...jobFlags.map(([flags]) => flags.split(' ')[0] ?? ''),
  ...['--signal-before', '--sbatch', '--dry-run', '--nodes', '--workers-per-node', '--at-once', '--name', '--runs', '--out'],
]);

async function train(file: string | undefined, flags: TrainFlags & Record<string, unknown>, command: Command): Promise<void> {
  const nodes = whole('--nodes', flags.nodes);
  const each = flags.workersPerNode === undefined ? gpusIn(flags) : whole('--workers-per-node', flags.workersPerNode);
  const { config, name } = loadConfig(file, { ...flags, workers: String(nodes * each) });
  const { jobScript } = await import('../slurm/jobScript.js');
  const jobName = jobNameOf(flags, name);
  const runs = fromHere(config.runs);
  const script = jobScript(
    'train',
    [...whoAndWhere(flags, jobName, join(runs, '%x-%j.log')), ['nodes', nodes], ['ntasks-per-node', each], ...resources(flags)],
    {
      bpnn_dist: ownCommand(),
      config: [...(file === undefined ? [] : [file]), ...givenWords(command, notPassedOn)],
      runs,
      ...(config.name !== undefined && { name: config.name }),
    },
  );
  if (flags.dryRun === true) {
    process.stdout.write(script);
    return;
  }
  const { submit } = await import('../slurm/submit.js');
  mkdirSync(runs, { recursive: true });
  const job = await submit(script);
  const run = join(runs, config.name ?? `${jobName}-${job}`);
  say(`job ${job}: ${amount(nodes * each, 'worker')} on ${amount(nodes, 'node')}`);
  say(`run ${run}`);
  say(`log ${join(runs, `${jobName}-${job}.log`)}`);
  say(`bpnn-dist view ${run} shows it; scancel ${job} saves and ends it`);
  process.stdout.write(`${job}\n`);
}

async function experiment(file: string | undefined, flags: ArrayFlags, command: Command): Promise<void> {
  const { grid, config, out } = experimentOf(file, flags);
  const { jobScript } = await import('../slurm/jobScript.js');
  const cells = distinct(cellsOf(grid)).length;
  const jobName = jobNameOf(flags, 'scale');
  const folder = fromHere(out);
  const atOnce = flags.atOnce === undefined ? '' : `%${whole('--at-once', flags.atOnce)}`;
  const cores = Math.max(...grid.workers) * config.threads;
  const own = {
    bpnn_dist: ownCommand(),
    scale: [...(file === undefined ? [] : [file]), ...givenWords(command, notPassedOn), '--out', folder],
  };
  const script = jobScript(
    'scale',
    [
      ...whoAndWhere(flags, jobName, join(folder, 'log', '%x-%A_%a.log')),
      ['array', `1-${cells}${atOnce}`],
      ['ntasks', 1],
      ...resources({ ...flags, cpusPerTask: flags.cpusPerTask ?? String(cores) }),
    ],
    own,
  );
  const report = (job: string): string =>
    jobScript(
      'report',
      [
        ...whoAndWhere(flags, `${jobName}-report`, join(folder, 'log', '%x-%j.log')),
        ['dependency', `afterany:${job}`],
        ['ntasks', 1],
        ['time', '10:00'],
      ],
      own,
    );
  if (flags.dryRun === true) {
    process.stdout.write(`${script}\n# What follows is a job of its own, which begins when the array has ended.\n${report('JOB')}`);
    return;
  }
  const { submit } = await import('../slurm/submit.js');
  mkdirSync(join(folder, 'log'), { recursive: true });
  const job = await submit(script);
  say(`job ${job}: ${amount(cells, 'cell')}, ${grid.seeds === 1 ? 'one training' : `${grid.seeds} trainings`} of each rule and batch`);
  say(`experiment ${folder}`);
  process.stdout.write(`${job}\n`);
  const last = await submit(report(job));
  say(`job ${last}: writes ${join(folder, 'report.html')} when all have ended`);
  process.stdout.write(`${last}\n`);
}

function whoAndWhere({ partition, account, sbatch }: JobFlags, jobName: string, output: string): SbatchOptions {
  return [
    ['job-name', jobName],
    ...given('partition', partition),
    ...given('account', account),
    ['output', output],
    ...sbatch.map(readSbatch),
  ];
}

function resources({ time, cpusPerTask, gpusPerNode, gpusPerTask, signalBefore }: JobFlags): SbatchOptions {
  return [
    ...given('cpus-per-task', cpusPerTask),
    ...given('gpus-per-node', gpusPerNode),
    ...given('gpus-per-task', gpusPerTask),
    ...given('time', time),
    ['signal', `B:USR1@${whole('--signal-before', signalBefore)}`],
  ];
}

/** GPUs of a node, which are asked for as a number or with their type, as in `a100:4`; where none are, one worker does. */
function gpusIn({ gpusPerNode = '1' }: JobFlags): number {
  const [, count] = /^(?:[\w.-]+:)?([1-9]\d*)$/.exec(gpusPerNode) ?? [];
  if (count === undefined) throw new UsageError(`--gpus-per-node: expected a number such as 4, or a100:4, got ${gpusPerNode}`);
  return Number(count);
}

function given(name: string, value: string | undefined): SbatchOptions {
  return value === undefined ? [] : [[name, value]];
}

function readSbatch(text: string): SbatchOptions[number] {
  const [, name, value] = /^--([a-z][\w-]*)(?:=(.+))?$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--sbatch: expected an option such as --sbatch=--qos=high, got ${text}`);
  return [name, value ?? true];
}

/** A name that files can have. */
function jobNameOf({ jobName }: JobFlags, fallback: string): string {
  const name = jobName ?? fallback;
  if (/^[\w.-]+$/.test(name)) return name;
  if (jobName === undefined) return name.replaceAll(/[^\w.-]/g, '-');
  throw new UsageError(`--job-name: expected letters, digits, or . _ -, got ${name}`);
}

/** Jobs begin in the folder that they are submitted in. */
function fromHere(path: string): string {
  const below = relative('.', path);
  return below.startsWith('..') ? resolve(path) : below;
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${flag}: expected a whole number of at least 1, got ${text}`);
  return value;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
