import { Command } from 'commander';
import type { Finding } from '../../setup/diagnose.js';
import { deviceOf } from '../../shared/engine/device.js';
import { engineNames } from '../../shared/engine/engineNames.js';
import { UsageError } from '../../shared/text/errors.js';
import { print } from '../screen/print.js';

interface Flags {
  readonly engine?: string;
  readonly device?: string;
  readonly json?: true;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('look at what training needs on this machine: try each engine, and say what to do where something is amiss')
    .option('--engine <name>', 'fail unless this engine works')
    .option('--device <device>', 'fail unless an engine works on this: cpu, gpu or webgpu')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nIt ends with exit code 0 if training can run.\nExample:\n  bpnn-dist doctor')
    .action(async ({ engine, device, json }: Flags) => {
      if (engine !== undefined && !(engineNames as readonly string[]).includes(engine))
        throw new UsageError(`--engine: expected one of ${engineNames.join(', ')}, got ${engine}`);
      const wanted = device === undefined ? undefined : deviceOf(device);
      const { diagnose } = await import('../../setup/diagnose.js');
      const diagnosis = await diagnose({ engine, device: wanted });
      print(json ? JSON.stringify(diagnosis, undefined, 2) : report(diagnosis.findings));
      const what = `${engine === undefined ? '' : ` with ${engine}`}${device === undefined ? '' : ` on ${device}`}`;
      if (!json) print(`\ntraining ${diagnosis.canTrain ? 'can' : 'cannot'} run${what}`);
      process.exitCode = diagnosis.canTrain ? 0 : 1;
    });
}

const marks = { good: 'ok', missing: '--', bad: 'NO' };

function report(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  const lines = findings.flatMap(({ what, state, says, advice }) => [
    `${marks[state]}  ${what.padEnd(width)}  ${says}`,
    ...(advice === undefined ? [] : [`${' '.repeat(width + 6)}-> ${advice}`]),
  ]);
  return lines.join('\n');
}
