import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { installedOnnxCuda } from '../shared/files/home.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import { announce, installWheels } from './installWheels.js';
import { makeFolder, type SetupOptions } from './obtain.js';
import { cuda13Wheels, onnxGpuWheel, onnxVersion } from './onnxCudaFiles.js';
import { type Machine, thisMachine } from './wheel.js';

export interface OnnxCudaOptions extends SetupOptions {
  /** Leave CUDA and cuDNN to the machine (LD_LIBRARY_PATH). */
  readonly systemCuda: boolean;
}

/** What is left of the wheels on disk, in bytes a byte. */
const growth = 1.6;

/**
 * Installs the CUDA provider of ONNX Runtime for the engine `onnx` into the user's folder: a copy of onnxruntime-node with
 * the provider of the same version beside its core, and CUDA 13 from NVIDIA's Python wheels.
 * @returns the folder of that copy, or undefined where nothing was to be done
 * @throws RunError saying what is in the way
 */
export async function setupOnnxCuda(options: OnnxCudaOptions, machine: Machine = thisMachine()): Promise<string | undefined> {
  const { systemCuda, say, dryRun } = options;
  const { platform, arch, libc } = machine;
  if (platform !== 'linux' || arch !== 'x64' || libc !== 'glibc')
    throw new RunError(`there is no CUDA provider to install for ${platform} on ${arch} (${libc}): it needs Linux on x64 with glibc`);
  const own = ownPackage();
  const wheels = [onnxGpuWheel, ...(systemCuda ? [] : cuda13Wheels)];
  const target = installedOnnxCuda();
  const folder = dirname(dirname(target));
  announce(`ONNX Runtime ${onnxVersion} for CUDA 13 and drivers from 580 on`, wheels, growth, options);
  say(`to ${folder}${existsSync(target) ? ', which is replaced' : ''}`);
  if (dryRun) return undefined;
  makeFolder(folder);
  const binaries = join(target, 'bin', 'napi-v6', 'linux', 'x64');
  // Whoever looks for it finds nothing until it is whole: the package's manifest comes last.
  rmSync(join(target, 'package.json'), { force: true });
  const archives = await installWheels(wheels, folder, (name) => placeOf(name, binaries, folder), options);
  copyPackage(own, target);
  for (const archive of archives) rmSync(archive);
  return target;
}

/** The folder of the onnxruntime-node beside this package. */
function ownPackage(): string {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  } catch (error) {
    throw new RunError(
      `onnxruntime-node is not installed (${errorMessage(error).split('\n')[0]}); type: npm install --ignore-scripts onnxruntime-node@${onnxVersion}`,
    );
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  if (version !== onnxVersion) throw new RunError(`the provider fits onnxruntime-node ${onnxVersion}, here is ${version}`);
  return dirname(manifest);
}

function placeOf(name: string, binaries: string, folder: string): string | undefined {
  if (/^onnxruntime\/capi\/libonnxruntime_providers_(cuda|shared)\.so$/.test(name)) return join(binaries, basename(name));
  const isLibrary = /^nvidia\/\w+\/lib\/lib[^/]+\.so[.\d]*$/.test(name) && !/libcufftw|libnvblas/.test(name);
  return isLibrary ? join(folder, name) : undefined;
}

/** The folder of the package that a file is in: not every package lets its manifest be asked for. */
function packageOf(file: string): string {
  let folder = dirname(file);
  while (!existsSync(join(folder, 'package.json')) || basename(dirname(folder)) !== 'node_modules') folder = dirname(folder);
  return folder;
}

/** What the package needs on this machine, and the one package that it needs. */
function copyPackage(own: string, target: string): void {
  const common = packageOf(createRequire(join(own, 'package.json')).resolve('onnxruntime-common'));
  cpSync(common, join(dirname(target), 'onnxruntime-common'), { recursive: true });
  const native = join('bin', 'napi-v6', 'linux', 'x64');
  for (const part of ['dist', native, 'package.json']) cpSync(join(own, part), join(target, part), { recursive: true });
}
