import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { temporaryMark } from '../shared/files/durableFile.js';
import { errorCode, errorMessage, UsageError } from '../shared/text/errors.js';
import { trainerOf } from './runLock.js';

/**
 * Makes a folder that nobody has, in one atomic step.
 * @param name that the user gave, which must be free
 * @param fallback name for when the user gave none; a number is added until it is free
 */
export async function makeFolder(runs: string, name: string | undefined, fallback: string): Promise<string> {
  for (let i = 1; ; i++) {
    const shown = join(runs, name ?? (i === 1 ? fallback : `${fallback}-${i}`));
    const path = resolve(shown);
    try {
      mkdirSync(dirname(path), { recursive: true });
      mkdirSync(path);
      return shown;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST')
        throw new UsageError(`${shown}: cannot make the run's folder (${errorCode(error) || errorMessage(error)})`);
      if (name === undefined) continue;
      const trainer = await trainerOfNew(path);
      throw new UsageError(
        `${shown}: this run exists already${trainer === undefined ? '' : `, and is being trained by ${trainer}`}; choose another name, or leave it out${trainer === undefined ? '' : ' (srun starts one training for each task: bpnn-dist slurm trains one run on all of them)'}`,
      );
    }
  }
}

/** Milliseconds that a run's folder may be without its lock and config, while another process makes it. */
const makingTime = 1_000;

async function trainerOfNew(path: string): Promise<string | undefined> {
  const until = performance.now() + makingTime;
  const isBeingMade = (): boolean => readdirSync(path).length === 0;
  while (performance.now() < until && trainerOf(path) === undefined && isBeingMade()) await pause(makingTime / 20);
  return trainerOf(path);
}

/** The folders within a run's folder. */
export function makeInner(path: string): void {
  for (const name of ['checkpoints', 'log']) mkdirSync(join(path, name), { recursive: true });
}

/** Opens what a run writes. @throws UsageError naming what cannot be written */
export function written<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { path: place = path } = error instanceof Error && 'path' in error ? (error as NodeJS.ErrnoException) : {};
    throw new UsageError(`${place}: cannot be written (${errorCode(error) || errorMessage(error)})`);
  }
}

/** Removes what a kill in the middle of a write has left. */
export function sweep(path: string): void {
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (name.includes(temporaryMark)) rmSync(join(path, name), { force: true });
  }
}

/** Local time as `20260314-150926`. */
export function timeStamp(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
