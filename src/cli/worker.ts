import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { parseAddress } from '../shared/address.js';
import { errorMessage, UsageError } from '../shared/errors.js';
import { parseKeys, type RunKeys, readKeys } from '../shared/keys.js';
import { type LogFormat, logFormats, logLine } from '../shared/logLine.js';
import type { Whereabouts } from '../worker/knock.js';
import { logFormatOption } from './logFormat.js';

interface WorkerFlags {
  readonly connect?: string;
  readonly addressFile?: string;
  readonly connectTimeout: string;
  readonly reconnectTimeout: string;
  readonly gracePeriod: string;
  readonly key?: string;
  readonly dataRoot: string;
  readonly slot?: string;
  readonly sharedFile?: string;
  readonly workersHere?: string;
  readonly leaveWithStdin?: boolean;
  readonly heartbeat?: string;
  readonly logFormat?: LogFormat | 'plain';
}

export function workerCommand(): Command {
  return new Command('worker')
    .description('compute for a coordinator: connects, trains along, and leaves when the run is over')
    .option('--connect <address>', 'where the coordinator listens')
    .option('--address-file <file>', 'the file that the coordinator, given the same, writes its address into; it may come later')
    .option('--key <file>', "the run's key file; the coordinator says which; - reads the key as a line of JSON from standard input")
    .option('--data-root <folder>', "the only folder that the run's data may lie in; its relative paths begin there", '.')
    .option('--connect-timeout <seconds>', 'how long to wait for a coordinator that is not there yet', '60')
    .option('--reconnect-timeout <seconds>', 'how long to wait for a coordinator that is gone, to join it when it is resumed', '60')
    .option('--grace-period <seconds>', 'how long to serve on after SIGTERM, before saying that it leaves', '5')
    .addOption(logFormatOption().choices([...logFormats, 'plain']))
    .option('--slot <n>', 'number of this worker among all of the run, from 0: names it, and chooses its GPU where it sees several')
    .option('--workers-here <n>', 'workers of the run on this machine (default: with --slot all of them), which share its GPUs')
    .option('--shared-file <fd>', 'open file of the memory to share; set by the coordinator that starts it')
    .option('--heartbeat <file>', 'touch a file every few seconds, for whoever ends workers that hang')
    .option('--leave-with-stdin', 'leave when standard input ends; set by the coordinator that starts it')
    .addHelpText(
      'after',
      '\nExamples:\n  bpnn-dist worker --connect tcp://127.0.0.1:5555 --key runs/article/key\n  bpnn-dist worker --address-file runs/article.address --key run.key',
    )
    .action(work);
}

async function work(flags: WorkerFlags): Promise<void> {
  const { serveRuns } = await import('../worker/serveRuns.js');
  const leave = new AbortController();
  const gracePeriod = seconds('--grace-period', flags.gracePeriod);
  const coordinator = whereabouts(flags);
  if (flags.heartbeat !== undefined) beat(flags.heartbeat);
  if (flags.leaveWithStdin) leaveWithStdin(coordinator);
  else process.once('SIGTERM', () => setTimeout(() => leave.abort(), gracePeriod * 1_000).unref());
  await serveRuns({
    coordinator,
    keys: await keysOf(flags.key),
    connectTimeout: seconds('--connect-timeout', flags.connectTimeout),
    reconnectTimeout: seconds('--reconnect-timeout', flags.reconnectTimeout),
    dataRoot: flags.dataRoot,
    sharedFile: flags.sharedFile === undefined ? undefined : Number(flags.sharedFile),
    slot: flags.slot === undefined ? undefined : Number(flags.slot),
    workersHere: flags.workersHere === undefined ? undefined : Number(flags.workersHere),
    leave: leave.signal,
    say: (line) => process.stderr.write(`${lineOf(flags, line)}\n`),
  });
  process.stdin.destroy();
}

/** Milliseconds between two signs of life. */
const beatInterval = 5_000;

/** A process that hangs does not get to it. */
function beat(file: string): void {
  const touch = (): void => writeFileSync(file, '');
  try {
    touch();
  } catch (error) {
    throw new UsageError(`--heartbeat ${file}: it cannot be written (${errorMessage(error)})`);
  }
  // A file that becomes old says that something is amiss, too.
  const tryTouch = (): void => {
    try {
      touch();
    } catch {}
  };
  setInterval(tryTouch, beatInterval).unref();
}

function whereabouts({ connect, addressFile }: WorkerFlags): Whereabouts {
  if (connect !== undefined && addressFile === undefined) return { address: connect };
  if (addressFile !== undefined && connect === undefined) return { addressFile };
  throw new UsageError(`expected --connect ADDRESS or --address-file FILE, got ${connect === undefined ? 'neither' : 'both'}`);
}

/** Keys of a run that come on standard input stand in no command line and no file. */
async function keysOf(file: string | undefined): Promise<RunKeys | undefined> {
  if (file === undefined) return undefined;
  if (file !== '-') return readKeys(file);
  for await (const line of createInterface(process.stdin))
    return parseKeys(line, '--key -', 'a line of JSON with the key on standard input');
  throw new UsageError('--key -: expected a key on standard input, got nothing');
}

/** Whoever starts a worker by hand sees who says it; a log file also says when; who reads it for others says both. */
function lineOf({ slot, logFormat }: WorkerFlags, line: string): string {
  if (logFormat === 'plain') return line;
  const source = slot === undefined ? 'worker' : `worker ${slot}`;
  return logFormat === undefined ? `[${source}] ${line}` : logLine(logFormat, source, line);
}

/** A worker that a coordinator started serves on whatever signal its group gets; the pipe's end tells it to leave. */
function leaveWithStdin(coordinator: Whereabouts): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  process.stdin.resume().once('end', () => {
    // A coordinator that was killed leaves the folder of its socket.
    const target = 'address' in coordinator ? parseAddress(coordinator.address) : undefined;
    if (target?.kind === 'ipc') rmSync(dirname(target.path), { recursive: true, force: true });
    process.exit(0);
  });
}

function seconds(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  throw new UsageError(`${flag}: expected a number of seconds of at least 0, got ${text}`);
}
