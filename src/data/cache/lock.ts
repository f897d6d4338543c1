import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
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
 * @param signal aborts when it need not be done any more: nobody waits for the lock then
 */
export async function alone(lock: string, isDone: () => boolean, work: () => Promise<void>, signal?: AbortSignal): Promise<void> {
  const token = randomUUID();
  while (!isDone()) {
    if (!take(lock, token)) {
      await wait(lookInterval, undefined, signal && { signal });
      continue;
    }
    const touching = setInterval(() => touch(lock), touchInterval);
    try {
      // The one before may have ended between the look and the lock.
      if (!isDone()) await work();
    } finally {
      clearInterval(touching);
      if (holderOf(lock)?.token === token) rmSync(lock, { force: true });
    }
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/** Takes a lock that is free; one whose holder has died is free the next time. */
function take(lock: string, token: string): boolean {
  try {
    const holder: Holder = { pid: process.pid, host: hostname(), token };
    writeFileSync(lock, JSON.stringify(holder), { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  if (!isDead(lock)) return false;
  // Of several who see that, one moves it away; what it has moved may already be the lock of the next.
  const away = `${lock}.${token}`;
  try {
    renameSync(lock, away);
    if (isDead(away)) rmSync(away, { force: true });
    else renameSync(away, lock);
  } catch {
    // Another was faster.
  }
  return false;
}

/** On this machine whoever runs is alive, however long it has slept; of others only the time is known. */
function isDead(lock: string): boolean {
  const holder = holderOf(lock);
  if (holder?.host === hostname()) return !isRunning(holder.pid);
  const { mtimeMs = Date.now() } = statSync(lock, { throwIfNoEntry: false }) ?? {};
  return Date.now() - mtimeMs > deadAfter;
}

/** Undefined where the lock has gone, or is not written yet. */
function holderOf(lock: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8'));
  } catch {
    return undefined;
  }
}

function touch(lock: string): void {
  try {
    utimesSync(lock, new Date(), new Date());
  } catch {
    // It has been taken away: whoever did so waits for what is made here.
  }
}
