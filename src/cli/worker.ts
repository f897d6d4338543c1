import { Command } from 'commander';
import { UsageError } from '../shared/errors.js';
import { version } from '../shared/version.js';

interface WorkerFlags {
  readonly connect: string;
  readonly connectTimeout: string;
  readonly slot?: string;
  readonly leaveWithStdin?: boolean;
}

/** Bytes: a worker learns how large tensors are only from the coordinator's config. */
const maxFrame = 2 ** 30;

export function workerCommand(): Command {
  return new Command('worker')
    .description('compute for a coordinator: connects, trains along, and leaves when the run is over')
    .requiredOption('--connect <address>', 'where the coordinator listens')
    .option('--connect-timeout <seconds>', 'how long to wait for a coordinator that is not there yet', '60')
    .option('--slot <n>', 'number of this worker; set by the coordinator that starts it')
    .option('--leave-with-stdin', 'leave when standard input ends; set by the coordinator that starts it')
    .addHelpText('after', '\nExample:\n  bpnn-dist worker --connect tcp://127.0.0.1:5555')
    .action(work);
}

async function work(flags: WorkerFlags): Promise<void> {
  const connectTimeout = Number(flags.connectTimeout);
  if (!(connectTimeout > 0)) throw new UsageError(`--connect-timeout: expected a number of seconds above 0, got ${flags.connectTimeout}`);
  const say = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const { knock } = await import('../worker/knock.js');
  const { serve } = await import('../worker/serve.js');
  const { openLink } = await import('../shared/transport.js');
  if (flags.leaveWithStdin) {
    // The coordinator's end of the pipe closes whatever it dies of.
    process.stdin.resume().once('end', () => process.exit(0));
    process.on('SIGINT', () => undefined);
  }
  const address = await knock(flags.connect, { connectTimeout, say });
  const link = openLink(address, maxFrame);
  try {
    await serve(link, { version, say, slot: flags.slot === undefined ? undefined : Number(flags.slot) });
  } finally {
    await link.close();
    if (flags.leaveWithStdin) process.stdin.destroy();
  }
}
