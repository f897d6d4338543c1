import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { cellsOf, distinct } from '../../experiments/grid.js';
import { ownCommand } from '../../launch/ownCommand.js';
import { say } from '../../shared/text/say.js';
import {
  addJobFlags,
  fromHere,
  type JobFlags,
  jobNameOf,
  literally,
  passedOn,
  resources,
  whoAndWhere,
  whoAndWhereOfSmall,
} from '../flags/slurmJob.js';
import { wholeFlag } from '../flags/wholeFlag.js';
import { amount } from '../screen/format.js';
import { addScaleFlags, experimentOf, type ScaleFlags } from './scale.js';

interface Flags extends JobFlags, ScaleFlags {
  readonly atOnce?: string;
}

export function slurmScaleCommand(): Command {
  const command = addScaleFlags(
    new Command('scale')
      .description('an experiment over batch sizes as an array of jobs, a cell each, and a job that writes the report')
      .argument('[config]', 'YAML file with what all cells share')
      .option('--at-once <n>', 'cells that may run at the same time (default: all)'),
  );
  return addJobFlags(command).action((file: string | undefined, flags: Flags) => experiment(file, flags, command));
}

async function experiment(file: string | undefined, flags: Flags, command: Command): Promise<void> {
  const { grid, config, out } = await experimentOf(file, flags);
  const { jobScript } = await import('../../launch/slurm/jobScript.js');
  const cells = distinct(cellsOf(grid)).length;
  const jobName = jobNameOf(flags, 'scale');
  const folder = fromHere(out);
  const log = (name: string): string => join(literally(folder), 'log', name);
  const atOnce = flags.atOnce === undefined ? '' : `%${wholeFlag('--at-once', flags.atOnce)}`;
  const cores = Math.max(...grid.workers) * config.threads;
  const own = {
    bpnn_dist: ownCommand(),
    scale: [...passedOn(file, command), '--out', folder],
  };
  const script = jobScript(
    'scale',
    [
      ...whoAndWhere(flags, jobName, log('%x-%A_%a.log')),
      ['array', `1-${cells}${atOnce}`],
      ['ntasks', 1],
      ...resources({ ...flags, cpusPerTask: flags.cpusPerTask ?? String(cores) }),
    ],
    own,
  );
  const report = (job: string): string => {
    const who = whoAndWhereOfSmall(flags, `${jobName}-report`, log('%x-%j.log'));
    return jobScript('report', [...who, ['dependency', `afterany:${job}`], ['ntasks', 1], ['time', '10:00']], own);
  };
  if (flags.dryRun === true) {
    process.stdout.write(`${script}\n# What follows is a job of its own, which begins when the array has ended.\n${report('JOB')}`);
    return;
  }
  const { submit } = await import('../../launch/slurm/submit.js');
  mkdirSync(join(folder, 'log'), { recursive: true });
  const job = await submit(script, say);
  say(`job ${job}: ${amount(cells, 'cell')}, a job each`);
  say(`experiment ${folder}`);
  process.stdout.write(`${job}\n`);
  const last = await submit(report(job), say);
  say(`job ${last}: writes ${join(folder, 'report.html')} when all have ended`);
  process.stdout.write(`${last}\n`);
}
