import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { installedTensorflow } from '../shared/files/home.js';
import { RunError } from '../shared/text/errors.js';
import { announce, installWheels } from './installWheels.js';
import { unpackPackage } from './npmPackage.js';
import { makeFolder, type SetupOptions } from './obtain.js';
import { run } from './runProgram.js';
import { addonSources, cudaWheels, nodeHeaders, tensorflowVersion, tensorflowWheels } from './tensorflowFiles.js';
import { type Machine, thisMachine } from './wheel.js';

export interface TensorflowOptions extends SetupOptions {
  readonly device: 'cpu' | 'gpu';
  /** Leave CUDA and cuDNN to the machine (LD_LIBRARY_PATH). */
  readonly systemCuda: boolean;
}

/** What is left of the wheels on disk, in bytes a byte. */
const growth = { cpu: 2.3, gpu: 1.4 };

/**
 * Installs TensorFlow for the engine `tensorflow` into the user's folder: its C library from the Python wheel, CUDA from
 * NVIDIA's, and the addon of tfjs-node, built against it here (which takes g++ and some seconds).
 * @returns the addon's path, or undefined where nothing was to be done
 * @throws RunError saying what is in the way
 */
export async function setupTensorflow(options: TensorflowOptions, machine: Machine = thisMachine()): Promise<string | undefined> {
  const { device, systemCuda, say, dryRun } = options;
  const { platform, arch, libc } = machine;
  if (platform !== 'linux' || arch !== 'x64' || libc !== 'glibc')
    throw new RunError(
      `there is no TensorFlow to install for ${platform} on ${arch} (${libc}): it needs Linux on x64 with glibc; take the engine onnx`,
    );
  const wheels = [tensorflowWheels[device], ...(device === 'gpu' && !systemCuda ? cudaWheels : [])];
  const path = installedTensorflow(device);
  const folder = dirname(path);
  announce(`TensorFlow ${tensorflowVersion} for ${device}`, wheels, growth[device], options);
  say(`from npm: ${addonSources.name} ${addonSources.version}, whose addon is built here`);
  say(`to ${folder}${existsSync(path) ? ', which is replaced' : ''}`);
  if (dryRun) return undefined;
  await needCompiler();
  makeFolder(folder);
  removeLeftovers(folder);
  const work = mkdtempSync(join(folder, 'build-'));
  try {
    // First what is small and may be missing.
    const sources = await unpackPackage(addonSources, work, options.from);
    const node = await nodeIncludes(work, options.from);
    // A new addon over old libraries, or the other way round, would be worse than none.
    rmSync(path, { force: true });
    if (systemCuda) rmSync(join(folder, 'nvidia'), { recursive: true, force: true });
    const archives = await installWheels(wheels, folder, (name) => placeOf(name, folder, join(work, 'include')), options);
    if (existsSync(join(folder, 'nvidia', 'cusparse'))) linkCusolver(folder);
    await strip(folder);
    await buildAddon(folder, work, [sources, join(work, 'include'), node], path);
    // Until then they are kept: whatever fails, the next try need not download them again.
    for (const archive of archives) rmSync(archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}

async function needCompiler(): Promise<void> {
  try {
    await run('g++', ['--version']);
  } catch {
    throw new RunError("the addon of TensorFlow is built here, and there is no C++ compiler: apt-get install g++ (or your system's)");
  }
}

const headers = ['tensorflow/c/', 'tensorflow/core/platform/ctstring', 'tsl/platform/ctstring', 'xla/tsl/c/'];
const unneeded = /\.alt\.|libcusolverMg|libcufftw|libnvblas|libcheckpoint|libnvperf|libpcsampling/;

function placeOf(name: string, folder: string, include: string): string | undefined {
  if (/^tensorflow\/libtensorflow_(cc|framework)\.so\.2$/.test(name)) return join(folder, 'lib', basename(name));
  if (/^nvidia\/\w+\/lib\/lib[^/]+\.so[.\d]*$/.test(name) && !unneeded.test(name)) return join(folder, name);
  const header = name.startsWith('tensorflow/include/') && name.endsWith('.h') ? name.slice('tensorflow/include/'.length) : '';
  return headers.some((start) => header.startsWith(start)) ? join(include, header) : undefined;
}

/** TensorFlow looks for CUDA in the folders `nvidia/NAME/lib` that it knows of, and cusolver's is not among them. */
function linkCusolver(folder: string): void {
  const link = join(folder, 'nvidia', 'cusparse', 'lib', 'libcusolver.so.11');
  rmSync(link, { force: true });
  symlinkSync('../../cusolver/lib/libcusolver.so.11', link);
}

/** Without their symbols the libraries are a third smaller; a machine that has no `strip` keeps them. */
async function strip(folder: string): Promise<void> {
  const libraries = ['cc', 'framework'].map((name) => join(folder, 'lib', `libtensorflow_${name}.so.2`));
  await run('strip', ['--strip-unneeded', ...libraries]).catch(() => undefined);
}

/** Of a try that was cut off. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) if (name.startsWith('build-')) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Node's own headers, or npm's where it was installed without them. */
async function nodeIncludes(work: string, from: string | undefined): Promise<string> {
  const own = resolve(process.execPath, '../../include/node');
  return existsSync(join(own, 'node_api.h')) ? own : join(await unpackPackage(nodeHeaders, work, from), 'include');
}

async function buildAddon(folder: string, work: string, includes: readonly string[], path: string): Promise<void> {
  const built = join(work, 'tfjs_binding.node');
  await run('g++', [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    ...includes.map((include) => `-I${include}`),
    ...['backend', 'binding'].map((name) => join(includes[0] ?? '', 'binding', `tfjs_${name}.cc`)),
    ...['-o', built, `-L${join(folder, 'lib')}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2', '-Wl,-rpath,$ORIGIN/lib'],
  ]);
  // Last of all: where it is, all is.
  await rename(built, path);
}
