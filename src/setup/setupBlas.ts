import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorMessage, RunError } from '../shared/errors.js';
import { installedBlas } from '../shared/home.js';
import { checkWheel, fetchWheel, withoutPassword } from './fetchWheel.js';
import { openBlasVersion, openBlasWheel } from './openBlasWheels.js';
import { unpackFile } from './unpack.js';
import { type Machine, thisMachine, type Wheel } from './wheel.js';

export interface SetupOptions {
  /** A folder of wheels, for machines that cannot reach an index. */
  readonly from?: string | undefined;
  /** A package index; see fetchWheel. */
  readonly index: string;
  /** Only say what would be done. */
  readonly dryRun: boolean;
  readonly say: (line: string) => void;
  readonly onProgress?: (bytes: number, of: number) => void;
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
export async function setupBlas(options: SetupOptions, machine: Machine = thisMachine()): Promise<string | undefined> {
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
  const source = options.from ?? withoutPassword(options.index);
  say(`OpenBLAS ${openBlasVersion}, ${(wheel.bytes / 1e6).toFixed(1)} MB, sha256 ${wheel.sha256.slice(0, 12)}...`);
  say(`from ${source}: ${wheel.file}`);
  say(`to ${path}${existsSync(path) ? ', which is replaced' : ''}`);
  if (dryRun) return undefined;
  makeFolder(dirname(path));
  const archive =
    options.from === undefined ? await download(wheel, dirname(path), options) : await take(wheel, options.from, dirname(path));
  await unpackFile(archive, member, path);
  rmSync(archive);
  return path;
}

function download(wheel: Wheel, folder: string, { index, onProgress }: SetupOptions): Promise<string> {
  return fetchWheel(wheel, folder, { index, ...(onProgress && { onProgress: (bytes) => onProgress(bytes, wheel.bytes) }) });
}

/** A copy of the user's file: it stays where it is. */
async function take(wheel: Wheel, from: string, folder: string): Promise<string> {
  const given = join(from, wheel.file);
  if (!existsSync(given)) {
    const command = `pip download --no-deps ${wheel.package}==${openBlasVersion}`;
    throw new RunError(`${given} is not there; on a machine with a network: ${command}, then copy the file`);
  }
  await checkWheel(wheel, given, true);
  const copy = join(folder, wheel.file);
  copyFileSync(given, copy);
  return copy;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new RunError(`${path} cannot be made (${errorMessage(error)}); name another folder with BPNN_DIST_HOME`);
  }
}
