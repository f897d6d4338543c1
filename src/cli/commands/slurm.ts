import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ownCommand } from '../../launch/ownCommand.js';
import { wantsAggregators } from '../../shared/config/topology.js';
import { say } from '../../shared/text/say.js';
import { quoted } from '../../shared/text/shellWord.js';
import { configFlags } from '../flags/configFlags.js';
import { loadConfig } from '../flags/loadConfig.js';
import { addJobFlags, fromHere, gpusIn, type JobFlags, jobNameOf, literally, passedOn, resources, whoAndWhere } from '../flags/slurmJob.js';
import { wholeFlag } from '../flags/wholeFlag.js';
import { amount } from '../screen/format.js';
import { slurmScaleCommand } from './slurmScale.js';

interface Flags extends JobFlags, Readonly<Record<string, unknown>> {
  readonly nodes: string;
  readonly workersPerNode?: string;
}

export function slurmCommand(): Command {
  const command = new Command('slurm')
    .description('train on a Slurm cluster: submits a job with a coordinator and a worker a GPU; with scale, an experiment')
    .argument('[config]', 'YAML file with the config; flags go over it')
    .option('--nodes <n>', 'nodes of the job', '1')
    .option('--workers-per-node <n>', 'workers on each node (default: one for each of --gpus-per-node; without those one)');
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
    .action((file: string | undefined, flags: Flags) => train(file, flags, command))
    .enablePositionalOptions()
    .addCommand(slurmScaleCommand());
}

async function train(file: string | undefined, flags: Flags, command: Command): Promise<void> {
  const nodes = wholeFlag('--nodes', flags.nodes);
  const each = flags.workersPerNode === undefined ? gpusIn(flags) : wholeFlag('--workers-per-node', flags.workersPerNode);
  const { config, name } = await loadConfig(file, { ...flags, workers: String(nodes * each) });
  const { jobScript } = await import('../../launch/slurm/jobScript.js');
  const jobName = jobNameOf(flags, name);
  const runs = fromHere(config.runs);
  const cpusPerTask = flags.cpusPerTask ?? (config.threads > 1 ? String(config.threads) : undefined);
  const script = jobScript(
    'train',
    [
      ...whoAndWhere(flags, jobName, join(literally(runs), '%x-%j.log')),
      ['nodes', nodes],
      ['ntasks-per-node', each],
      ...resources({ ...flags, ...(cpusPerTask !== undefined && { cpusPerTask }) }),
    ],
    {
      bpnn_dist: ownCommand(),
      config: passedOn(file, command),
      runs,
      ...(config.name !== undefined && { name: config.name }),
      ...(wantsAggregators(config, nodes * each, nodes) && { aggregators: 'yes' }),
    },
  );
  if (flags.dryRun === true) {
    process.stdout.write(script);
    return;
  }
  const { submit } = await import('../../launch/slurm/submit.js');
  mkdirSync(runs, { recursive: true });
  const job = await submit(script, say);
  const run = join(runs, config.name ?? `${jobName}-${job}`);
  say(`job ${job}: ${amount(nodes * each, 'worker')} on ${amount(nodes, 'node')}`);
  say(`run ${run}`);
  say(`log ${join(runs, `${jobName}-${job}.log`)}`);
  say(`bpnn-dist view ${quoted(run)} shows it; scancel ${job} saves and ends it`);
  process.stdout.write(`${job}\n`);
}
