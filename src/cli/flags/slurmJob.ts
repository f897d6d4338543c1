import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { SbatchOptions } from '../../launch/slurm/jobScript.js';
import { UsageError } from '../../shared/text/errors.js';
import { givenWords } from './givenWords.js';
import { wholeFlag } from './wholeFlag.js';

/** What sbatch is told, beside what it is that runs. */
export interface JobFlags {
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

const jobFlags = [
  ['--time <limit>', 'time that the job may take, as Slurm writes it; it is then saved, queued again, and goes on'],
  ['--job-name <name>', "the job's name (default: the config's)"],
  ['--cpus-per-task <n>', "cores of each worker (a training; default: the config's threads), of each cell (an experiment)"],
  ['--gpus-per-node <n>', 'GPUs of each node; with their type as a100:4'],
  ['--gpus-per-task <n>', 'GPUs of each task, where the cluster is asked for them in this way'],
  ['--partition <name>', 'as sbatch has it'],
  ['--account <name>', 'as sbatch has it'],
] as const;

export function addJobFlags(command: Command): Command {
  for (const [flags, description] of jobFlags) command.option(flags, description);
  return command
    .option('--signal-before <seconds>', 'so long before the time is up the run is saved', '120')
    .option(
      '--sbatch <option>',
      'any other option of sbatch, such as --sbatch=--qos=high; as often as needed',
      (option: string, before: readonly string[] = []) => [...before, option],
    )
    .option('--dry-run', 'print the script and submit nothing');
}

/** Flags that are not the run's or the experiment's own. */
const notPassedOn: ReadonlySet<string> = new Set([
  ...jobFlags.map(([flags]) => flags.split(' ')[0] ?? ''),
  ...['--signal-before', '--sbatch', '--dry-run', '--nodes', '--workers-per-node', '--at-once', '--name', '--runs', '--out'],
]);

/** What a user has typed of the run or the experiment, as words of a command line. */
export function passedOn(file: string | undefined, command: Command): string[] {
  return [...(file === undefined ? [] : [file]), ...givenWords(command, notPassedOn)];
}

/** What says under which name and for whom a job runs, and where its log is. */
export function whoAndWhere(flags: JobFlags, jobName: string, output: string): SbatchOptions {
  const { partition, account } = flags;
  return [['job-name', jobName], ...given('partition', partition), ...given('account', account), ['output', output], ...others(flags)];
}

/** The same for a job that needs next to nothing: of other options only those that say who may run what where. */
export function whoAndWhereOfSmall(flags: JobFlags, jobName: string, output: string): SbatchOptions {
  const wanted = ['qos', 'reservation', 'clusters', 'wckey', 'constraint', 'mail-type', 'mail-user'];
  const all = others(flags).filter(([name]) => wanted.includes(name));
  return [...whoAndWhere({ ...flags, sbatch: [] }, jobName, output), ...all];
}

export function resources({ time, cpusPerTask, gpusPerNode, gpusPerTask, signalBefore }: JobFlags): SbatchOptions {
  const before = wholeFlag('--signal-before', signalBefore);
  const limit = time === undefined ? undefined : secondsIn(time);
  if (limit !== undefined && limit <= before)
    throw new UsageError(`--time ${time}: expected more than the ${before} s before its end in which the run is saved (--signal-before)`);
  return [
    ...given('cpus-per-task', cpusPerTask),
    ...given('gpus-per-node', gpusPerNode),
    ...given('gpus-per-task', gpusPerTask),
    ...given('time', time),
    ['signal', `B:USR1@${before}`],
  ];
}

/** Options that are said by flags, from which more follows than the option itself. */
const said: Readonly<Record<string, string>> = {
  ...Object.fromEntries(jobFlags.map(([flags]) => [flags.split(' ')[0]?.slice(2), flags.split(' ')[0]])),
  ...{ nodes: '--nodes', 'ntasks-per-node': '--workers-per-node', ntasks: '--nodes and --workers-per-node', signal: '--signal-before' },
  ...{ gres: '--gpus-per-node', gpus: '--gpus-per-node', output: '--runs', array: '--at-once' },
};

function others({ sbatch = [] }: JobFlags): SbatchOptions {
  return sbatch.map((text) => {
    const [, name = '', value] = /^--([a-z][\w-]*)(?:=(.+))?$/.exec(text) ?? [];
    if (name === '') throw new UsageError(`--sbatch: expected an option such as --sbatch=--qos=high, got ${text}`);
    if (said[name] !== undefined) throw new UsageError(`--sbatch=--${name}: say it with ${said[name]}`);
    return [name, value ?? true];
  });
}

/** `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours` and so on; undefined for what is none of them. */
function secondsIn(time: string): number | undefined {
  const [, days, rest = ''] = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(time) ?? [];
  const [first, second = 0, third = 0] = rest.split(':').map(Number);
  if (first === undefined || rest === '') return undefined;
  if (days !== undefined) return Number(days) * 86_400 + first * 3_600 + second * 60 + third;
  return rest.split(':').length === 3 ? first * 3_600 + second * 60 + third : first * 60 + second;
}

/** GPUs of a node, which are asked for as a number or with their type, as in `a100:4`; where none are, one worker does. */
export function gpusIn({ gpusPerNode = '1' }: JobFlags): number {
  const [, count] = /^(?:[\w.-]+:)?([1-9]\d*)$/.exec(gpusPerNode) ?? [];
  if (count === undefined) throw new UsageError(`--gpus-per-node: expected a number such as 4, or a100:4, got ${gpusPerNode}`);
  return Number(count);
}

function given(name: string, value: string | undefined): SbatchOptions {
  return value === undefined ? [] : [[name, value]];
}

/** A name that files can have. */
export function jobNameOf({ jobName }: JobFlags, fallback: string): string {
  const name = jobName ?? fallback;
  if (/^[\w.-]+$/.test(name)) return name;
  if (jobName === undefined) return name.replaceAll(/[^\w.-]/g, '-');
  throw new UsageError(`--job-name: expected letters, digits, or . _ -, got ${name}`);
}

/** Jobs begin in the folder that they are submitted in. */
export function fromHere(path: string): string {
  const below = relative('.', path);
  if (below === '') return '.';
  return below.startsWith('..') ? resolve(path) : below;
}

/** A folder in a file's name for sbatch, which puts something else in for a `%` and a letter. */
export function literally(folder: string): string {
  return folder.replaceAll('%', '%%');
}
