import type { Command } from 'commander';
import { type ServingFlags, serving, servingCommand } from '../flags/workerFlags.js';

interface AggregatorFlags extends ServingFlags {
  readonly bind?: string;
  readonly advertise?: string;
}

export function aggregatorCommand(): Command {
  return servingCommand('aggregator')
    .description('stand between a coordinator and workers: pass weights down, add gradients up, and pass on the sums')
    .option('--bind <address>', 'where to listen (default: where it reaches the coordinator from, at any free port)')
    .option('--advertise <host>', 'name or address of this machine for workers (default: where it listens)')
    .addHelpText(
      'after',
      `
Workers connect to the coordinator, which sends them to the aggregator of their host. Those share memory with it.

Example:
  bpnn-dist aggregator --connect tcp://node0:5555 --key run.key`,
    )
    .action(act);
}

async function act(flags: AggregatorFlags): Promise<void> {
  const { aggregate } = await import('../../aggregator/aggregate.js');
  await aggregate({ ...(await serving(flags, 'aggregator')), bind: flags.bind, advertise: flags.advertise });
  process.stdin.destroy();
}
