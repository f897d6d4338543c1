import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from '../../shared/errors.js';
import { isRunning } from '../../shared/isRunning.js';

/** Milliseconds after which whoever holds a lock touches it, and after which it is taken for dead, and between two looks. */
const touchInterval = 5_000;
const deadAfter = 30_000;
const lookInterval = 100;

/**
 * Does something that only one process may do at a time, on any machine that sees the folder.
 * @param isDone has another one done it meanwhile? Nothing is done then.
 */
export async function alone(lock: string, isDone: () => boolean, work: () => Promise<void>): Promise<void> {
  while (!isDone()) {
    if (!take(lock)) {
      await wait(lookInterval);
      continue;
    }
    const touching = setInterval(() => utimesSync(lock, new Date(), new Date()), touchInterval);
    try {
      // The one before may have ended between the look and the lock.
      if (!isDone()) await work();
    } finally {
      clearInterval(touching);
      rmSync(lock, { force: true });
    }
  }
}

/** Takes a lock that is free, or whose holder has died. */
function take(lock: string): boolean {
  try {
    const file = openSync(lock, 'wx');
    writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
    closeSync(file);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  if (isDead(lock)) rmSync(lock, { force: true });
  return false;
}

function isDead(lock: string): boolean {
  try {
    if (Date.now() - statSync(lock).mtimeMs > deadAfter) return true;
    const { pid, host }: { pid?: unknown; host?: unknown } = JSON.parse(readFileSync(lock, 'utf8'));
    return host === hostname() && typeof pid === 'number' && !isRunning(pid);
  } catch {
    // It has gone, or is not written yet.
    return false;
  }
}
