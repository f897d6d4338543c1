import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { errorMessage, UsageError } from '../../shared/text/errors.js';
import { type LogFormat, logFormats, logLine } from '../../shared/text/logLine.js';
import { printableLine } from '../../shared/text/printable.js';
import { say } from '../../shared/text/say.js';
import { parseAddress } from '../../shared/transport/address.js';
import type { RunKeys } from '../../shared/transport/keys.js';
import type { Whereabouts } from '../../worker/connection/awaitCoordinator.js';
import type { StayOptions } from '../../worker/connection/way.js';
import { onStop, onStopSignal } from '../process/stopSignals.js';
import { logFormatOption } from './logFormat.js';
import { secondsFlag } from './secondsFlag.js';

/** What is said to whoever serves a coordinator: a worker or an aggregator. */
export interface ServingFlags {
  readonly connect?: string;
  readonly addressFile?: string;
  readonly connectTimeout: string;
  readonly reconnectTimeout: string;
  readonly gracePeriod: string;
  readonly key?: string;
  readonly slot?: string;
  readonly workersHere?: string;
  readonly leaveWithStdin?: boolean;
  readonly heartbeat?: string;
  readonly logFormat?: LogFormat | 'plain';
}

/** A command that serves a coordinator, with the flags of all such. */
export function servingCommand(name: string): Command {
  return new Command(name)
    .option('--connect <address>', 'where the coordinator listens')
    .option('--address-file <file>', 'the file that the coordinator, given the same, writes its address into; it may come later')
    .option('--key <file>', "the run's key file; the coordinator says which; - reads the key as a line of JSON from standard input")
    .option('--connect-timeout <seconds>', 'how long to wait for a coordinator that is not there yet', '60')
    .option('--reconnect-timeout <seconds>', 'how long to wait for a coordinator that is gone, to join it when it is resumed', '60')
    .option(
      '--grace-period <seconds>',
      'how long to serve on after a stop signal, before saying that it leaves (Ctrl-C: leaves at once)',
      '5',
    )
    .addOption(logFormatOption().choices([...logFormats, 'plain']))
    .option('--slot <n>', `number of this ${name} among all of the run, from 0: names it`)
    .option('--workers-here <n>', 'workers of the run on this machine')
    .option('--heartbeat <file>', 'touch a file every few seconds, for whoever ends processes that hang')
    .option('--leave-with-stdin', 'leave when standard input ends; set by the coordinator that starts it');
}

/** What flags say, and a signal that tells to leave. */
export interface Serving extends StayOptions {
  readonly slot: number | undefined;
  /** Workers of the run on this machine. */
  readonly workersHere: number | undefined;
}

/** @param name of the command */
export async function serving(flags: ServingFlags, name: string): Promise<Serving> {
  const leave = new AbortController();
  const gracePeriod = secondsFlag('--grace-period', flags.gracePeriod);
  const coordinator = whereabouts(flags);
  if (flags.heartbeat !== undefined) beat(flags.heartbeat);
  if (flags.leaveWithStdin) leaveWithStdin(coordinator);
  else {
    onStop((signal) => {
      if (signal === 'SIGINT') leave.abort();
      else setTimeout(() => leave.abort(), gracePeriod * 1_000).unref();
    });
  }
  return {
    coordinator,
    keys: await keysOf(flags.key),
    connectTimeout: secondsFlag('--connect-timeout', flags.connectTimeout),
    reconnectTimeout: secondsFlag('--reconnect-timeout', flags.reconnectTimeout),
    slot: flags.slot === undefined ? undefined : Number(flags.slot),
    workersHere: flags.workersHere === undefined ? undefined : Number(flags.workersHere),
    leave: leave.signal,
    say: (line) => say(lineOf(flags, name, line)),
  };
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

function whereabouts({ connect, addressFile }: ServingFlags): Whereabouts {
  if (connect !== undefined && addressFile === undefined) return { address: connect };
  if (addressFile !== undefined && connect === undefined) return { addressFile };
  throw new UsageError(`expected --connect ADDRESS or --address-file FILE, got ${connect === undefined ? 'neither' : 'both'}`);
}

/** Keys of a run that come on standard input stand in no command line and no file. */
export async function keysOf(file: string | undefined): Promise<RunKeys | undefined> {
  if (file === undefined) return undefined;
  const { parseKeys, readKeys } = await import('../../shared/transport/keys.js');
  if (file !== '-') return readKeys(file);
  for await (const line of createInterface(process.stdin))
    return parseKeys(line, '--key -', 'a line of JSON with the key on standard input');
  throw new UsageError('--key -: expected a key on standard input, got nothing');
}

/** Whoever starts it by hand sees who says it; a log file also says when; who reads it for others says both. */
function lineOf({ slot, logFormat }: ServingFlags, name: string, line: string): string {
  if (logFormat === 'plain') return printableLine(line);
  const source = slot === undefined ? name : `${name} ${slot}`;
  return logFormat === undefined ? `[${source}] ${printableLine(line)}` : logLine(logFormat, source, line);
}

/** A worker that a coordinator started serves on whatever signal its group gets; the pipe's end tells it to leave. */
function leaveWithStdin(coordinator: Whereabouts): void {
  onStopSignal(() => undefined);
  process.stdin.resume().once('end', () => {
    // A coordinator that was killed leaves the folder of its socket.
    const target = 'address' in coordinator ? parseAddress(coordinator.address) : undefined;
    if (target?.kind === 'ipc') rmSync(dirname(target.path), { recursive: true, force: true });
    process.exit(0);
  });
}
