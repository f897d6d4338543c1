import { createRequire } from 'node:module';
import { errorMessage } from '../shared/text/errors.js';

/** What NVIDIA's driver says of this machine. */
export interface Gpus {
  /** CUDA version that the driver knows, e.g. `12.9`. */
  readonly cuda: string;
  readonly devices: readonly Gpu[];
}

export interface Gpu {
  readonly name: string;
  readonly memoryBytes: number;
  /** Compute capability, e.g. `9.0`. */
  readonly capability: string;
}

/**
 * Asks the driver (libcuda.so.1, which comes with it) what there is.
 * @returns a sentence on what is in the way, where that is something
 */
export function findGpus(): Gpus | string {
  if (process.platform !== 'linux') return `GPUs are used on Linux, this is ${process.platform}`;
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch (error) {
    return `koffi, which asks the driver, cannot be loaded: ${errorMessage(error)}`;
  }
  let driver: ReturnType<typeof koffi.load>;
  try {
    driver = koffi.load('libcuda.so.1');
  } catch {
    return 'there is no NVIDIA driver (libcuda.so.1); in a container start it with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility';
  }
  const init = driver.func('int cuInit(unsigned int flags)');
  const code: number = init(0);
  if (code !== 0) return `the NVIDIA driver refuses (cuInit says ${code}${reasons[code] === undefined ? '' : `: ${reasons[code]}`})`;
  // TensorFlow counts devices by NVML, and says nothing where that is missing.
  try {
    koffi.load('libnvidia-ml.so.1');
  } catch {
    return 'libnvidia-ml.so.1 is missing, without which TensorFlow finds no GPU: set NVIDIA_DRIVER_CAPABILITIES=compute,utility';
  }
  return devicesOf(driver);
}

/** Of those of cuInit that a person can do something about. */
const reasons: Readonly<Record<number, string>> = {
  100: 'no GPU is visible, see CUDA_VISIBLE_DEVICES',
  803: 'the driver and its library are of different versions; restart the machine, or the container',
  804: 'this GPU cannot run so new a CUDA; update the driver',
  999: 'unknown error; nvidia-smi may tell',
};

function devicesOf(driver: ReturnType<typeof import('koffi')['load']>): Gpus {
  const version = driver.func('int cuDriverGetVersion(_Out_ int *version)');
  const count = driver.func('int cuDeviceGetCount(_Out_ int *count)');
  const nameOf = driver.func('int cuDeviceGetName(_Out_ char *name, int length, int device)');
  const memoryOf = driver.func('int cuDeviceTotalMem_v2(_Out_ size_t *bytes, int device)');
  const attribute = driver.func('int cuDeviceGetAttribute(_Out_ int *value, int attribute, int device)');
  const number = (call: (out: number[]) => unknown): number => {
    const out = [0];
    call(out);
    return Number(out[0]);
  };
  const known = number((out) => version(out));
  const devices = Array.from({ length: number((out) => count(out)) }, (_, device) => {
    const name = Buffer.alloc(256);
    nameOf(name, name.length, device);
    const [major, minor] = [75, 76].map((which) => number((out) => attribute(out, which, device)));
    return {
      name: name.toString('utf8', 0, Math.max(0, name.indexOf(0))),
      memoryBytes: number((out) => memoryOf(out, device)),
      capability: `${major}.${minor}`,
    };
  });
  return { cuda: `${Math.floor(known / 1_000)}.${Math.floor((known % 1_000) / 10)}`, devices };
}

/** Why there is no GPU of NVIDIA's to use, in a sentence; undefined where there is one. */
export function missingGpu(found = findGpus()): string | undefined {
  if (typeof found === 'string') return found;
  return found.devices.length === 0 ? 'the NVIDIA driver finds no GPU, see CUDA_VISIBLE_DEVICES' : undefined;
}

/** Why no GPU is used, in a sentence. */
export function gpuProblem(): string {
  const found = findGpus();
  const missing = missingGpu(found);
  if (missing !== undefined || typeof found === 'string') return missing ?? '';
  const names = found.devices.map(({ name }) => name).join(', ');
  return `the driver finds ${names}, but the libraries of CUDA cannot use it; TF_CPP_MIN_LOG_LEVEL=0 shows what they say`;
}
