import { statSync } from 'node:fs';
import { join } from 'node:path';
import { holderName, type LockHolder, lockHolder, showsLife, suspensionOf } from '../shared/files/lockHolder.js';
import { ProcessLock } from '../shared/files/processLock.js';
import { textIfThere } from '../shared/system/textIfThere.js';
import { errorCode, errorMessage, UsageError } from '../shared/text/errors.js';
import { statusName } from './runStatus.js';

const lockName = 'lock';

/** Milliseconds in which a run that is being trained writes its status a few times. */
const heartbeats = 5_000;

/**
 * Two coordinators must not write to one run. Of one on another machine or in another container, on a disk that both
 * share, the run's status shows whether it lives.
 * @throws UsageError if the run is being trained, or its folder cannot be written
 */
export async function lockRun(path: string, patience = heartbeats): Promise<ProcessLock> {
  const file = join(path, lockName);
  const status = join(path, statusName);
  const look = (): string => `${statSync(file, { throwIfNoEntry: false })?.mtimeMs} ${textIfThere(status)}`;
  let taken: ProcessLock | LockHolder;
  try {
    taken = await ProcessLock.take(file, () => showsLife(look, patience));
  } catch (error) {
    throw new UsageError(`${file}: the run cannot be locked (${errorCode(error) || errorMessage(error)})`);
  }
  if (taken instanceof ProcessLock) return taken;
  throw new UsageError(`${path}: this run is being trained by ${named(taken)}; stop that first (lock file: ${file})`);
}

/** Who trains a run, as far as its lock tells: undefined if nobody does. */
export function trainerOf(path: string): string | undefined {
  const holder = lockHolder(join(path, lockName));
  return holder && holder.state !== 'ended' ? named(holder) : undefined;
}

function named(holder: LockHolder): string {
  const suspension = suspensionOf(holder);
  return `${holderName(holder)}${suspension === undefined ? '' : `, which ${suspension}`}`;
}
