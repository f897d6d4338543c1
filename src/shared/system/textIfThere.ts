import { readFileSync } from 'node:fs';
import { errorCode } from '../text/errors.js';

/** @returns the text of a file that others may write and remove at any time; undefined where there is none @throws the system's error */
export function textIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // ESTALE: network file systems say so of a file that has just been replaced.
    if (['ENOENT', 'ESTALE'].includes(errorCode(error))) return undefined;
    throw error;
  }
}

/** @returns the text of a file that a system may lack or keep to itself, such as those of /proc; undefined if it cannot be read */
export function readableText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
