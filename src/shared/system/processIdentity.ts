import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorCode } from '../text/errors.js';
import { textIfThere } from './textIfThere.js';

/** One process among all that ever were. Its number alone does not name it: numbers are used again, and each container counts anew. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Names the time since the machine was started; empty where the system does not tell. */
  readonly boot: string;
  /** The Linux pid namespace in which `pid` counts; empty elsewhere. */
  readonly namespace: string;
  /** When the process started: clock ticks since boot on Linux, a date elsewhere; empty if unknown. */
  readonly started: string;
}

/** What has become of a process. Of one on another machine, or in another container, nothing can be seen from here. */
export type ProcessState = 'running' | 'suspended' | 'ended' | 'elsewhere';

/** What the system shows of a process. */
export interface SeenProcess {
  readonly started: string;
  /** The first letter of ps's STAT column. */
  readonly state: string;
}

export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    host: hostname(),
    boot: bootName(),
    namespace: namespaceName(),
    started: seeProcess('self')?.started ?? '',
  };
  return own;
}

let own: ProcessIdentity | undefined;

export function processState(process: ProcessIdentity): ProcessState {
  return judge(process, thisProcess(), (pid) => (exists(pid) ? (seeProcess(pid) ?? 'hidden') : undefined));
}

/** Is there a process with this number on this machine? One that has ended and that nobody has reaped is not. */
export function isRunning(pid: number): boolean {
  return exists(pid) && !hasEnded(seeProcess(pid)?.state);
}

/**
 * @param here this process
 * @param see what the system shows of a number in this process's namespace: `hidden` if there is one that it shows nothing of
 */
function judge(
  { pid, host, boot, namespace, started }: ProcessIdentity,
  here: ProcessIdentity,
  see: (pid: number) => SeenProcess | 'hidden' | undefined,
): ProcessState {
  if (host !== here.host || boot !== here.boot || namespace !== here.namespace || started === '') return 'elsewhere';
  const seen = see(pid);
  if (seen === 'hidden') return 'elsewhere';
  if (seen === undefined || seen.started !== started || hasEnded(seen.state)) return 'ended';
  return seen.state.toUpperCase() === 'T' ? 'suspended' : 'running';
}

/** @param text of /proc/PID/stat (proc(5)): the name in parentheses may hold anything, parentheses and blanks included */
function parseStat(text: string): SeenProcess | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}

/** @param text a line of `ps -o stat=,lstart=` */
function parsePs(text: string): SeenProcess | undefined {
  const [state = '', ...date] = text.trim().split(/\s+/);
  return date.length === 0 ? undefined : { state: state.slice(0, 1), started: date.join('-') };
}

function seeProcess(pid: number | 'self'): SeenProcess | undefined {
  try {
    if (process.platform !== 'linux') {
      const number = String(pid === 'self' ? process.pid : pid);
      return parsePs(execFileSync('ps', ['-o', 'stat=,lstart=', '-p', number], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }));
    }
    // A /proc that was mounted in another namespace has other numbers.
    if (pid !== 'self' && readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    return parseStat(textIfThere(`/proc/${pid}/stat`) ?? '');
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function hasEnded(state: string | undefined): boolean {
  return state === 'Z' || state === 'X';
}

function bootName(): string {
  try {
    if (process.platform === 'darwin') return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
    return textIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  } catch {
    return '';
  }
}

function namespaceName(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
