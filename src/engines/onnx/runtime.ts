import type { Env, InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-web';
import { errorMessage, RunError } from '../../shared/text/errors.js';
import { gpuProblem } from '../gpu.js';
import { loadCudaPackage } from './cudaPackage.js';

/** What ONNX Runtime computes on: onnxruntime-node's CPU, WebGPU or CUDA, or onnxruntime-web's WebAssembly. */
export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'wasm';

/** The part of ONNX Runtime's API both packages have and we use. */
interface OrtPackage {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
  readonly env: Env;
}

/** A loaded ONNX Runtime. */
export interface Runtime {
  readonly provider: Provider;
  /** Package and version. */
  readonly library: string;
  readonly Tensor: TensorConstructor;
  /**
   * Are results written to the output tensors handed to a run? onnxruntime-web takes such tensors without complaint,
   * and leaves them as they were.
   */
  readonly writesToFetches: boolean;
  /** Can tensors stay on the device? onnxruntime-node knows such on WebGPU, not on CUDA. */
  readonly holdsTensors: boolean;
  /** @param outputs leave them on the device */
  createSession(model: Uint8Array, outputs?: 'gpu-buffer'): Promise<InferenceSession>;
}

/** What a provider is opened with. */
export interface RuntimeOptions {
  /** Without it, the fastest that can be loaded and computes on the CPU. */
  readonly provider?: Provider | undefined;
  readonly threads: number;
  /** Which of NVIDIA's GPUs, of those that are visible. */
  readonly gpu?: number | undefined;
}

/** @throws RunError where the provider cannot be loaded */
export async function loadRuntime({ provider, threads, gpu = 0 }: RuntimeOptions): Promise<Runtime> {
  if (provider === 'wasm') return loadWeb(threads);
  try {
    return await loadNode(provider ?? 'cpu', threads, gpu);
  } catch (error) {
    if (provider) throw new RunError(`onnxruntime-node cannot be loaded: ${errorMessage(error)}`, { cause: error });
    return loadWeb(threads);
  }
}

async function loadNode(provider: Exclude<Provider, 'wasm'>, threads: number, gpu: number): Promise<Runtime> {
  // On Linux the package reports every use to its maker, and leaves files for that in the temporary folder: not for us
  // to allow. Whoever wants it sets the variable to 0.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  // Products of float32 in nineteen bits are for those who ask for them.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  const own = provider === 'cuda' ? (loadCudaPackage() as OrtPackage | undefined) : undefined;
  const { InferenceSession, Tensor, env }: OrtPackage = own ?? (await import('onnxruntime-node'));
  const options = sessionOptions(provider, threads, gpu);
  return {
    provider,
    library: `onnxruntime-node ${env.versions.node ?? env.versions.common}`,
    Tensor,
    writesToFetches: true,
    holdsTensors: provider === 'webgpu',
    async createSession(model, outputs) {
      try {
        return await InferenceSession.create(model, { ...options, ...(outputs && { preferredOutputLocation: outputs }) });
      } catch (error) {
        if (provider === 'cpu') throw error;
        const missing = provider === 'cuda' && !own ? '; its CUDA provider is not installed, type: bpnn-dist setup onnx-cuda' : '';
        throw new RunError(`ONNX Runtime cannot compute on ${provider} here: ${problemOf(provider, error)}${missing}`, { cause: error });
      }
    },
  };
}

function problemOf(provider: 'webgpu' | 'cuda', error: unknown): string {
  // Without the place in its sources where it gave up.
  const said = (errorMessage(error).split('\n')[0] ?? '').replace(/^.* was false\. /, '');
  return provider === 'cuda' ? `${gpuProblem()} (${said})` : `it finds no GPU with Vulkan (${said})`;
}

async function loadWeb(threads: number): Promise<Runtime> {
  const { InferenceSession, Tensor, env }: OrtPackage = await import('onnxruntime-web');
  // One pool serves the whole process; it gets its size when the first session is made.
  env.wasm.numThreads = threads;
  const options = sessionOptions('wasm', threads);
  return {
    provider: 'wasm',
    library: `onnxruntime-web ${env.versions.web ?? env.versions.common}`,
    Tensor,
    writesToFetches: false,
    holdsTensors: false,
    createSession: (model) => InferenceSession.create(model, options),
  };
}

function sessionOptions(provider: Provider, threads: number, gpu = 0): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider === 'cuda' ? { name: 'cuda', deviceId: gpu } : provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
    enableMemPattern: true,
    logSeverityLevel: 3,
    // A thread that spins while it waits takes the core of another worker on the same machine.
    extra: { session: { 'intra_op.allow_spinning': '0', 'inter_op.allow_spinning': '0' } },
  };
}
