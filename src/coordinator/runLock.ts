import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { UsageError } from '../shared/errors.js';
import { isRunning } from '../shared/isRunning.js';
import { statusName } from '../shared/runStatus.js';
import { textIfThere } from '../shared/textIfThere.js';

const lockName = 'lock';

/** Milliseconds in which a run that is being trained writes its status a few times. */
const heartbeats = 5_000;

/**
 * Two coordinators must not write to one run. The lock names a process of a machine, and lapses with it: here the process
 * is looked for; of one elsewhere, on a disk that both share, it is the run's status that shows whether it lives.
 * @throws UsageError where the run is being trained
 */
export async function lockRun(path: string, patience = heartbeats): Promise<void> {
  const file = join(path, lockName);
  const held = textIfThere(file);
  const [pid, host, boot] = held?.split(' ') ?? [];
  if (pid !== undefined && host !== undefined) {
    const isHere = host === hostname();
    // A number that a process had before the machine was started again may be another's by now.
    const isTrained = isHere
      ? boot === bootId() && pid !== String(process.pid) && isRunning(Number(pid))
      : await isWritten(join(path, statusName), patience);
    if (isTrained)
      throw new UsageError(`${path}: this run is being trained by process ${pid}${isHere ? '' : ` on ${host}`}; stop that first`);
    // Another may have waited, too.
    if (textIfThere(file) !== held) return lockRun(path, patience);
  }
  writeFileSync(file, `${process.pid} ${hostname()} ${bootId()}`);
}

export function unlockRun(path: string): void {
  rmSync(join(path, lockName), { force: true });
}

/** Does a file change? Clocks of two machines need not agree, so only its content is looked at. */
async function isWritten(file: string, patience: number): Promise<boolean> {
  const before = textIfThere(file);
  await pause(patience);
  return textIfThere(file) !== before;
}

/** Names the time since the machine was started; Linux alone tells. */
function bootId(): string {
  return textIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}
