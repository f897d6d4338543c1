import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { installedBlas } from '../shared/files/home.js';
import { RunError } from '../shared/text/errors.js';
import { makeFolder, nameOf, obtainWheel, type SetupOptions } from './obtain.js';
import { openBlasVersion, openBlasWheel } from './openBlasWheels.js';
import { unpack } from './unpack.js';
import { type Machine, thisMachine, type Wheel } from './wheel.js';

export interface BlasOptions extends SetupOptions {
  /** Which wheel to take instead of the one for this machine. */
  readonly wheel?: Wheel;
}

/** The library within the wheel. */
const member = 'scipy_openblas32/lib/libscipy_openblas.so';

/**
 * Installs OpenBLAS for the engine `blas` into the user's folder: downloads it (or takes it from a folder), checks it,
 * and unpacks the one file that is needed.
 * @returns the library's path, or undefined where there is nothing to do
 * @throws RunError saying what is in the way
 */
export async function setupBlas(options: BlasOptions, machine: Machine = thisMachine()): Promise<string | undefined> {
  const { say, dryRun } = options;
  if (machine.platform === 'darwin') {
    say('macOS has a BLAS of its own (Accelerate), which the engine blas takes: there is nothing to install');
    return undefined;
  }
  const wheel = options.wheel ?? openBlasWheel(machine);
  if (!wheel) {
    const { platform, arch, libc } = machine;
    throw new RunError(`there is no OpenBLAS to install for ${platform} on ${arch} (${libc}): take the system's, or the engine onnx`);
  }
  const path = installedBlas();
  say(`OpenBLAS ${openBlasVersion}, ${(wheel.bytes / 1e6).toFixed(1)} MB, sha256 ${wheel.sha256.slice(0, 12)}...`);
  say(`from ${nameOf(options)}: ${wheel.file}`);
  say(`to ${path}${existsSync(path) ? ', which is replaced' : ''}`);
  if (dryRun) return undefined;
  makeFolder(dirname(path));
  const archive = await obtainWheel(wheel, dirname(path), options);
  if ((await unpack(archive, (name) => (name === member ? path : undefined))) === 0) throw new RunError(`${archive}: has no ${member}`);
  rmSync(archive);
  return path;
}
