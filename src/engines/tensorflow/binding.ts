import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cudaNumber, type Device } from '../../shared/engine/device.js';
import { installedTensorflow } from '../../shared/files/home.js';
import { gpuNumbers } from '../../shared/system/gpuNumbers.js';
import { errorMessage, RunError, UsageError } from '../../shared/text/errors.js';
import { gpuProblem } from '../gpu.js';

/** The part of the native addon of tfjs-node (src/tfjs_binding.ts there) that is used. Tensors are numbers. */
export interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_Version: string;
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number;
  deleteTensor(tensor: number): void;
  tensorDataSync(tensor: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): { readonly id: number; readonly shape: readonly number[] }[];
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
}

export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number;
}

export interface Tensorflow {
  readonly binding: Binding;
  /** Name and version. */
  readonly library: string;
  readonly isOnGpu: boolean;
}

let loaded: (Tensorflow & { readonly device: Device }) | undefined;

/**
 * Loads TensorFlow, once a process: the first call fixes its device and threads.
 * @param device `auto` is a GPU where TensorFlow finds one
 * @throws RunError where it is not installed, cannot be loaded, or has not the device that was asked for
 */
export function loadTensorflow(device: Device, threads: number): Tensorflow {
  if (device === 'webgpu') throw new UsageError('TensorFlow has no WebGPU: --device webgpu needs the engine onnx');
  loaded ??= { ...load(device, threads), device };
  if (loaded.device !== device)
    throw new RunError(`TensorFlow computes on ${loaded.device} in this process, and has one device: ${device} needs another process`);
  const needsGpu = device !== 'auto' && device !== 'cpu';
  if (needsGpu && !loaded.isOnGpu) throw new RunError(`TensorFlow computes on the CPU: ${gpuProblem()}`);
  return loaded;
}

/** Is there a TensorFlow to load, for GPUs or at all? */
export function hasTensorflow(kind: 'gpu' | 'any' = 'any'): boolean {
  return addonFor(kind === 'gpu' ? 'gpu' : 'auto') !== undefined;
}

function load(device: Device, threads: number): Tensorflow {
  const path = addonFor(device);
  if (path === undefined) {
    const kind = device === 'auto' || device === 'cpu' ? 'cpu' : 'gpu';
    throw new RunError(
      `TensorFlow ${kind === 'gpu' ? 'for GPUs ' : ''}is not installed; type: bpnn-dist setup tensorflow --device ${kind}`,
    );
  }
  const binding = withEnvironment(environmentFor(device, threads), () => addonAt(path));
  return { binding, library: `TensorFlow ${binding.TF_Version}`, isOnGpu: binding.isUsingGpuDevice() };
}

function addonAt(path: string): Binding {
  try {
    return createRequire(import.meta.url)(path);
  } catch (error) {
    throw new RunError(`TensorFlow cannot be loaded from ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** What TensorFlow reads when it is loaded. But for the device, what the user has set stays. */
function environmentFor(device: Device, threads: number): Readonly<Record<string, string>> {
  const defaults: Readonly<Record<string, string>> = {
    // Errors only.
    TF_CPP_MIN_LOG_LEVEL: '3',
    TF_NUM_INTRAOP_THREADS: `${threads}`,
    TF_NUM_INTEROP_THREADS: '1',
    // It would take all of a GPU's memory at once, and other workers may be on it.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_DETERMINISTIC_OPS: '1',
    NVIDIA_TF32_OVERRIDE: '0',
  };
  const missing = Object.entries(defaults).filter(([name]) => process.env[name] === undefined);
  const visible = visibleFor(device);
  return { ...Object.fromEntries(missing), ...(visible !== undefined && { CUDA_VISIBLE_DEVICES: visible }) };
}

/** Which GPUs it is to see; undefined leaves it as it is. A number counts those that this process may use. */
function visibleFor(device: Device): string | undefined {
  if (device === 'cpu') return '-1';
  const number = cudaNumber(device);
  if (number === undefined) return undefined;
  const numbers = gpuNumbers();
  const own = numbers[number];
  if (own === undefined)
    throw new RunError(`there is no ${device}: ${numbers.length === 0 ? gpuProblem() : `${numbers.length} GPUs are visible`}`);
  return own;
}

/** Does something with other environment variables, and puts them back: another library is not to see less than there is. */
function withEnvironment<T>(variables: Readonly<Record<string, string>>, work: () => T): T {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** What `setup tensorflow` has installed, else a tfjs-node that is installed beside this package and has its addon. */
export function addonFor(device: Device): string | undefined {
  const kinds = kindsFor(device);
  const own = kinds.map((kind) => installedTensorflow(kind));
  return [...own, ...kinds.flatMap((kind) => packagedAddon(kind) ?? [])].find((path) => existsSync(path));
}

function kindsFor(device: Device): readonly ('cpu' | 'gpu')[] {
  if (device === 'cpu') return ['cpu', 'gpu'];
  return device === 'auto' ? ['gpu', 'cpu'] : ['gpu'];
}

function packagedAddon(kind: 'cpu' | 'gpu'): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve(`@tensorflow/tfjs-node${kind === 'gpu' ? '-gpu' : ''}/package.json`);
    return join(dirname(manifest), 'lib', 'napi-v8', 'tfjs_binding.node');
  } catch {
    return undefined;
  }
}
