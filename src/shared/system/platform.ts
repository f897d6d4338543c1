import { RunError } from '../text/errors.js';

/** @throws RunError on systems that it does not run on */
export function refuseWindows(platform: string): void {
  if (platform === 'win32') throw new RunError('bpnn-dist runs on Linux and macOS; on Windows use WSL');
}
