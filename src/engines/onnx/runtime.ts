import type { Env, InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-web';
import { errorMessage, RunError } from '../../shared/errors.js';

/** What ONNX Runtime computes on: `cpu` is onnxruntime-node, `wasm` onnxruntime-web's WebAssembly. */
export type Provider = 'cpu' | 'wasm';

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
  createSession(model: Uint8Array): Promise<InferenceSession>;
}

/**
 * Loads the provider asked for, or the fastest one that can be loaded.
 * @throws RunError where it cannot be loaded
 */
export async function loadRuntime(provider: Provider | undefined, threads: number): Promise<Runtime> {
  if (provider === 'wasm') return loadWeb(threads);
  try {
    return await loadNode(threads);
  } catch (error) {
    if (provider === 'cpu') throw new RunError(`onnxruntime-node cannot be loaded: ${errorMessage(error)}`, { cause: error });
    return loadWeb(threads);
  }
}

async function loadNode(threads: number): Promise<Runtime> {
  // On Linux the package reports every use to its maker, and leaves files for that in the temporary folder: not for us
  // to allow. Whoever wants it sets the variable to 0.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const { InferenceSession, Tensor, env }: OrtPackage = await import('onnxruntime-node');
  const options = sessionOptions('cpu', threads);
  return {
    provider: 'cpu',
    library: `onnxruntime-node ${env.versions.node ?? env.versions.common}`,
    Tensor,
    writesToFetches: true,
    createSession: (model) => InferenceSession.create(model, options),
  };
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
    createSession: (model) => InferenceSession.create(model, options),
  };
}

function sessionOptions(provider: Provider, threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
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
