import type { Command } from 'commander';
import { type ServingFlags, serving, servingCommand } from '../flags/workerFlags.js';

interface WorkerFlags extends ServingFlags {
  readonly dataRoot: string;
  readonly dataUrl: readonly string[];
  readonly sharedFile?: string;
}

export function workerCommand(): Command {
  return servingCommand('worker')
    .description('compute for a coordinator: connects, trains along, and leaves when the run is over')
    .option('--data-root <folder>', "the only folder that the run's data may lie in; its relative paths begin there", '.')
    .option(
      '--data-url <prefix>',
      "what an address may begin with that the run's data lie at; may be said several times (with --data-root / any address may be opened)",
      (prefix: string, others: readonly string[]) => [...others, prefix],
      [],
    )
    .option('--shared-file <fd>', 'open file of the memory to share; set by the coordinator that starts it')
    .addHelpText(
      'after',
      `
With --slot a worker that sees several GPUs computes on the one of its number; --workers-here (default: all of the run) share them.

Examples:
  bpnn-dist worker --connect tcp://127.0.0.1:5555 --key runs/article/key
  bpnn-dist worker --address-file runs/article.address --key run.key
  bpnn-dist worker --connect tcp://10.0.0.1:5555 --key run.key --data-url https://data.example/flowers/`,
    )
    .action(work);
}

async function work(flags: WorkerFlags): Promise<void> {
  const { serveCoordinator } = await import('../../worker/serveCoordinator.js');
  const { checkPrefix } = await import('../../data/remote/allowed.js');
  const dataUrls = flags.dataUrl.map((prefix) => checkPrefix('--data-url', prefix));
  const sharedFile = flags.sharedFile === undefined ? undefined : Number(flags.sharedFile);
  await serveCoordinator({ ...(await serving(flags, 'worker')), dataRoot: flags.dataRoot, dataUrls, sharedFile });
  process.stdin.destroy();
}
