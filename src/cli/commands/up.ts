import { Command } from 'commander';
import { ofRun } from '../../data/movedData.js';
import { withWorkers } from '../../run/readConfig.js';
import { machineHere } from '../../shared/config/machine.js';
import { UsageError } from '../../shared/text/errors.js';
import { addHostFlags, type HostFlags, hostsIn, hostWorkers } from '../flags/hostsFlag.js';
import { loadConfig } from '../flags/loadConfig.js';
import { addConfigFlags, resumption, runCommand, trainAsRead } from '../runCommand.js';

export function upCommand(): Command {
  const command = new Command('up')
    .description('start a coordinator and its worker processes, on this machine or over ssh, and train')
    .argument('[config]', 'YAML file with the config; flags go over it, and without either the example of the article runs')
    .addHelpText(
      'after',
      '\nExamples:\n  bpnn-dist up examples/regularised.yaml --workers 4 --epochs 3\n  bpnn-dist up examples/article.yaml --hosts node1:4,node2:4',
    );
  return addHostFlags(addConfigFlags(command)).action(up);
}

async function up(file: string | undefined, flags: HostFlags & Record<string, unknown>): Promise<void> {
  const hosts = await hostsIn(flags);
  if (!hosts) {
    await runCommand(file, flags, 'local');
    return;
  }
  // How many workers there are decides defaults of the config, and which data it names decides what hosts are asked.
  const atLeast = hosts.reduce((sum, { slots = 1 }) => sum + slots, 0);
  const read = await loadConfig(file, { ...flags, workers: flags['workers'] ?? String(atLeast) });
  const resume = await resumption(flags['resume'], read);
  if (resume === 'over') return;
  try {
    const asking = hostWorkers(hosts, flags, resume?.config ?? read.config);
    const { count, workers } = await (resume ? ofRun(asking, resume.path, resume.config.data) : asking);
    const wanted = flags['workers'] === undefined ? count : read.config.workers;
    if (wanted > count) throw new UsageError(`--workers: expected at most the ${count} of all hosts, got ${wanted}`);
    const known = withWorkers(read, wanted);
    const { withGiven } = await import('../../runFolder/resume.js');
    const goingOn = resume && (known === read ? resume : withGiven(resume, known.given, machineHere()));
    await trainAsRead(known, goingOn, flags, workers(wanted));
  } finally {
    // Where it has not come to be the run's.
    resume?.lock.release();
  }
}
