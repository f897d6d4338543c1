import type { Command } from 'commander';
import { type ServingFlags, serving, servingCommand } from './serving.js';

interface WorkerFlags extends ServingFlags {
  readonly dataRoot: string;
  readonly sharedFile?: string;
}

export function workerCommand(): Command {
  return servingCommand('worker')
    .description('compute for a coordinator: connects, trains along, and leaves when the run is over')
    .option('--data-root <folder>', "the only folder that the run's data may lie in; its relative paths begin there", '.')
    .option('--shared-file <fd>', 'open file of the memory to share; set by the coordinator that starts it')
    .addHelpText(
      'after',
      `
With --slot a worker that sees several GPUs computes on the one of its number; --workers-here (default: all of the run) share them.

Examples:
  bpnn-dist worker --connect tcp://127.0.0.1:5555 --key runs/article/key
  bpnn-dist worker --address-file runs/article.address --key run.key`,
    )
    .action(work);
}

async function work(flags: WorkerFlags): Promise<void> {
  const { serveRuns } = await import('../worker/serveRuns.js');
  const sharedFile = flags.sharedFile === undefined ? undefined : Number(flags.sharedFile);
  await serveRuns({ ...(await serving(flags, 'worker')), dataRoot: flags.dataRoot, sharedFile });
  process.stdin.destroy();
}
