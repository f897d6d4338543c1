import { Command } from 'commander';
import { addConfigFlags, runCommand } from './runCommand.js';

export function upCommand(): Command {
  const command = new Command('up')
    .description('start a coordinator and its worker processes on this machine, and train')
    .argument('[config]', 'YAML file with the config; flags go over it, and without either the example of the article runs')
    .addHelpText('after', '\nExample:\n  bpnn-dist up examples/regularised.yaml --workers 4 --epochs 3');
  return addConfigFlags(command).action((file: string | undefined, flags: Record<string, unknown>) => runCommand(file, flags, 'local'));
}
