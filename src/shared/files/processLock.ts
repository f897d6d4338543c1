import { randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { type ProcessIdentity, thisProcess } from '../system/processIdentity.js';
import { textIfThere } from '../system/textIfThere.js';
import { errorCode } from '../text/errors.js';
import { holderOf, type LockHolder } from './lockHolder.js';
import { shortHash } from './shortHash.js';

/** Milliseconds between two signs of life: a holder touches its lock's file. */
const touchInterval = 1_000;

/**
 * A file that one process at a time holds, on all machines that see it. It lapses with its process: a holder in this
 * process's own namespace is looked up, one elsewhere shows by other signs whether it lives.
 */
export class ProcessLock {
  readonly file: string;
  readonly #text: string;
  #touching: NodeJS.Timeout | undefined;

  private constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
  }

  /**
   * Takes the lock in one atomic step.
   *
   * Of several who find a dead holder, the one that makes the file of its successor (`FILE.after-` and a hash of the lock's
   * text) has the lock: it renames that file over the lock. Should it die before, it has a successor in turn.
   * @param showsLife does a holder elsewhere live? Called only for such
   * @returns the holder, if there is one that lives
   * @throws the system's error if the file cannot be written
   */
  static async take(file: string, showsLife: (holder: LockHolder) => Promise<boolean>): Promise<ProcessLock | LockHolder> {
    const lock = new ProcessLock(file, textOf(thisProcess()));
    for (;;) {
      const holder = await lock.#tryToTake(showsLife);
      if (holder === 'try again') continue;
      if (holder !== undefined) return holder;
      lock.#touching = setInterval(() => lock.#touch(), touchInterval).unref();
      return lock;
    }
  }

  get isHeld(): boolean {
    return textIfThere(this.file) === this.#text;
  }

  /** Makes the lock again if its file was removed. @returns whether this process holds it @throws the system's error if it cannot */
  keep(): boolean {
    return this.isHeld || create(this.file, this.#text);
  }

  /** Never throws: a lock that cannot be removed lapses with its process. */
  release(): void {
    clearInterval(this.#touching);
    try {
      if (this.isHeld) rmSync(this.file, { force: true });
    } catch {}
  }

  #touch(): void {
    try {
      if (this.isHeld) utimesSync(this.file, new Date(), new Date());
    } catch {}
  }

  async #tryToTake(showsLife: (holder: LockHolder) => Promise<boolean>): Promise<LockHolder | 'try again' | undefined> {
    const passed: string[] = [];
    let file = this.file;
    let first: string | undefined;
    while (!create(file, this.#text)) {
      const text = textIfThere(file);
      if (text === undefined) return 'try again';
      const holder = holderOf(text);
      if (await lives(holder, showsLife)) return holder;
      // While it was watched another may have taken its place, or it may have been in the middle of writing.
      if (textIfThere(file) !== text) return 'try again';
      first ??= text;
      passed.push(file);
      file = `${this.file}.after-${shortHash([text])}`;
    }
    if (file === this.file) return undefined;
    // The name of this file was free again at the moment when a successor's file became the lock.
    if (textIfThere(this.file) !== first) {
      rmSync(file, { force: true });
      return 'try again';
    }
    renameSync(file, this.file);
    for (const dead of passed.slice(1)) rmSync(dead, { force: true });
    return undefined;
  }
}

async function lives(holder: LockHolder, showsLife: (holder: LockHolder) => Promise<boolean>): Promise<boolean> {
  return holder.state === 'elsewhere' ? showsLife(holder) : holder.state !== 'ended';
}

/** Each taking has a text of its own. */
function textOf({ pid, host, boot, namespace, started }: ProcessIdentity): string {
  return [pid, host, boot, namespace, started, randomUUID()].join(' ');
}

function create(file: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(descriptor, text);
    return true;
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
