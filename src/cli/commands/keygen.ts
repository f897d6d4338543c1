import { Command } from 'commander';
import { say } from '../../shared/text/say.js';
import { quoted } from '../../shared/text/shellWord.js';

export function keygenCommand(): Command {
  return new Command('keygen')
    .description('write a new key file, for a coordinator and workers on different machines')
    .argument('<file>', 'where to; it must not exist yet')
    .addHelpText('after', '\nExample:\n  bpnn-dist keygen run.key')
    .action(async (file: string) => {
      const { writeKeys } = await import('../../shared/transport/keys.js');
      const { newKeys } = await import('../../shared/transport/newKeys.js');
      writeKeys(file, newKeys());
      say(`${file}: give it to the coordinator and to every worker (--key ${quoted(file)}), and to nobody else`);
    });
}
