import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Milliseconds between two looks at who our parent is. */
const interval = 300;

/**
 * Tells when the shell around us is gone. npm, and whoever starts a command by a shell, signals only that shell
 * (`sh -c`), which dies without passing the signal on and leaves us without an owner. A shell of any other kind may
 * end while what it started is meant to go on.
 */
export function onParentGone(stop: () => void): { close(): void } {
  const parent = process.ppid;
  if (!isCommandShell(commandOf(parent))) return { close: () => undefined };
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, interval).unref();
  return { close: () => clearInterval(timer) };
}

/** Does a command line start a shell with a command, as in `sh -c "bpnn-dist up"`? */
function isCommandShell(command: readonly string[]): boolean {
  return /^(.*\/)?(ba|da|k|z)?sh$/.test(command[0] ?? '') && /^-[a-z]*c$/.test(command[1] ?? '');
}

function commandOf(pid: number): string[] {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).split(' ');
  } catch {
    return [];
  }
}
