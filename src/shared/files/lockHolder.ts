import { setTimeout as pause } from 'node:timers/promises';
import { type ProcessIdentity, type ProcessState, processState } from '../system/processIdentity.js';
import { textIfThere } from '../system/textIfThere.js';

/** Who holds a lock: a process, or nobody can tell, such as while it is being written. */
export interface LockHolder {
  readonly process: ProcessIdentity | undefined;
  readonly state: ProcessState;
}

/** Who holds a lock now, if there is one. */
export function lockHolder(file: string): LockHolder | undefined {
  const text = textIfThere(file);
  return text === undefined ? undefined : holderOf(text);
}

/** The holder that a lock's text names. Locks of former versions have fewer words; of those it is unknown when their process started. */
export function holderOf(text: string): LockHolder {
  const [pid = '', host, boot = '', namespace = '', started = ''] = text.split(' ');
  if (!/^\d+$/.test(pid) || host === undefined) return { process: undefined, state: 'elsewhere' };
  const process = { pid: Number(pid), host, boot, namespace, started };
  return { process, state: processState(process) };
}

/** A holder in a message. */
export function holderName({ process }: LockHolder): string {
  return process ? `process ${process.pid} on ${process.host}` : 'another process';
}

/** What a message says of a holder that is suspended, and how it is continued; undefined of any other. */
export function suspensionOf({ process, state }: LockHolder): string | undefined {
  return state === 'suspended' && process ? `is suspended (fg or kill -CONT ${process.pid} continues it)` : undefined;
}

/** Milliseconds between two looks. */
const lookInterval = 100;

/**
 * Does what a holder writes change within some milliseconds? Clocks of two machines need not agree, so only changes count.
 * @param isOver ends the wait: the holder is left alone then
 */
export async function showsLife(
  look: () => unknown,
  patience: number,
  { isOver = () => false, signal }: { readonly isOver?: () => boolean; readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const before = look();
  const until = performance.now() + patience;
  while (performance.now() < until) {
    if (isOver()) return true;
    await pause(Math.min(patience, lookInterval), undefined, signal && { signal });
    if (look() !== before) return true;
  }
  return false;
}
