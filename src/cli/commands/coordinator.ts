import { Command } from 'commander';
import { UsageError } from '../../shared/text/errors.js';
import { say } from '../../shared/text/say.js';
import { isLoopback, parseAddress } from '../../shared/transport/address.js';
import { type RunKeys, readKeys } from '../../shared/transport/keys.js';
import { addConfigFlags, runCommand } from '../runCommand.js';

interface BindFlags {
  readonly bind: string;
  readonly key?: string;
  readonly advertise?: string;
  readonly addressFile?: string;
  readonly insecure?: boolean;
}

export function coordinatorCommand(): Command {
  const command = new Command('coordinator')
    .description('wait for workers that are started by hand, and train')
    .argument('[config]', 'YAML file with the config; flags go over it')
    .option('--bind <address>', 'where to listen; port 0 takes any that is free', 'tcp://127.0.0.1:0')
    .option('--advertise <host>', 'name or address of this machine for workers, where it listens at all addresses (default: its host name)')
    .option('--address-file <file>', 'write the address that was found into a file, for workers that are given the same')
    .option('--key <file>', 'key file, as bpnn-dist keygen writes it; needed for an address that other machines reach')
    .option('--insecure', 'listen without keys where other machines reach it: whoever connects can read and change the run')
    .addHelpText(
      'after',
      '\nExamples:\n  bpnn-dist coordinator examples/article.yaml --workers 2\n  bpnn-dist keygen run.key && bpnn-dist coordinator --bind tcp://0.0.0.0:5555 --key run.key',
    );
  return addConfigFlags(command).action((file: string | undefined, flags: BindFlags & Record<string, unknown>) =>
    runCommand(file, flags, {
      address: flags.bind,
      keys: keysFor(flags),
      advertise: flags.advertise,
      addressFile: flags.addressFile,
    }),
  );
}

/** The run's keys: from a file, none at all where that is asked for, or new ones, which only do on this machine. */
function keysFor({ bind, key, insecure }: BindFlags): RunKeys | 'none' | 'new' {
  const isLocal = isLoopback(parseAddress(bind));
  if (insecure === true) {
    if (key !== undefined) throw new UsageError('--insecure and --key: expected one of them, got both');
    say('warning: --insecure: whoever reaches this address can read and change the run');
    return 'none';
  }
  if (key !== undefined) return readKeys(key);
  if (isLocal) return 'new';
  throw new UsageError(
    `--bind ${bind}: other machines reach this address, so it needs keys: write them with bpnn-dist keygen FILE and give --key FILE here and to the workers (or --insecure)`,
  );
}
