import { Option } from 'commander';
import { readableText } from '../../shared/system/textIfThere.js';
import { ignoreHangup } from './stopSignals.js';

export function nohupOption(): Option {
  return new Option('--nohup', 'continue when the terminal closes (SIGHUP); the default under nohup, where it can be recognized');
}

/** Ignores SIGHUP if asked to, or under nohup: Node resets the signals that it was started to ignore, so the rest that nohup leaves has to tell. */
export function heedNohup(isAsked: boolean): void {
  if (isAsked || isUnderNohup(readableText('/proc/self/fdinfo/0') ?? '', readableText(`/proc/${process.ppid}/status`) ?? ''))
    ignoreHangup();
}

/**
 * nohup replaces a terminal as standard input by a file opened for writing only, and what it starts, such as a shell, ignores
 * SIGHUP. Linux alone shows both.
 * @param stdin of /proc/self/fdinfo/0
 * @param parent of /proc/PID/status, see proc(5)
 */
export function isUnderNohup(stdin: string, parent: string): boolean {
  const [, flags = '0'] = /^flags:\s*([0-7]+)$/m.exec(stdin) ?? [];
  const [, ignored = '0'] = /^SigIgn:\s*([\da-f]+)$/m.exec(parent) ?? [];
  const isWriteOnly = (Number.parseInt(flags, 8) & 3) === 1;
  const parentIgnoresHangup = (BigInt(`0x${ignored}`) & 1n) === 1n;
  return isWriteOnly || parentIgnoresHangup;
}
