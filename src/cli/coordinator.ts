import { Command } from 'commander';
import { UsageError } from '../shared/errors.js';
import { isLoopback, parseAddress } from '../shared/transport.js';
import { addConfigFlags, runCommand } from './runCommand.js';

export function coordinatorCommand(): Command {
  const command = new Command('coordinator')
    .description('wait for workers that are started by hand, and train')
    .argument('[config]', 'YAML file with the config; flags go over it')
    .option('--bind <address>', 'where to listen; port 0 takes any that is free', 'tcp://127.0.0.1:0')
    .addHelpText('after', '\nExample:\n  bpnn-dist coordinator examples/article.yaml --bind tcp://127.0.0.1:5555 --workers 2');
  return addConfigFlags(command).action((file: string | undefined, flags: Record<string, unknown>) =>
    runCommand(file, flags, { address: loopbackAddress(String(flags['bind'])) }),
  );
}

/** Whoever can connect can change the run, so it stays on this machine as long as connections have no keys. */
function loopbackAddress(address: string): string {
  if (isLoopback(parseAddress(address))) return address;
  throw new UsageError(
    `--bind ${address}: expected a loopback address such as tcp://127.0.0.1:5555; other addresses need keys, which this version lacks`,
  );
}
