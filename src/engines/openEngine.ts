import { type EngineName, engineNames } from '../shared/engine/engineNames.js';
import { precisionProblem } from '../shared/engine/precision.js';
import { errorMessage, RunError, UsageError } from '../shared/text/errors.js';
import type { Engine, EngineTask } from './engine.js';

/**
 * Opens the engine of that name; only then are its packages loaded.
 * @param name one of `engineNames`; `auto`, which measures nothing, is the machine's BLAS where it has one, else ONNX
 *   Runtime, native where that can be loaded and WebAssembly where not; on a GPU it is the first engine that finds one
 * @throws UsageError for any other name, RunError where the engine or its device is not to be had
 */
export async function openEngine(name: string, task: EngineTask): Promise<Engine> {
  const problem = isEngine(name) ? precisionProblem({ engine: name, device: task.device }, task.precision ?? 'fp32') : undefined;
  if (problem !== undefined) throw new UsageError(problem);
  switch (name) {
    case 'auto':
      return openAny(task);
    case 'blas': {
      needCpu(name, task);
      const { openBlasEngine } = await import('./blas/open.js');
      return openBlasEngine(task);
    }
    case 'onnx': {
      const { openOnnx } = await import('./onnx/open.js');
      return openOnnx(task);
    }
    case 'tensorflow': {
      const { openTensorflow } = await import('./tensorflow/open.js');
      return openTensorflow(task);
    }
    case 'reference': {
      needCpu(name, task);
      const { openReference } = await import('./reference/open.js');
      return openReference(task);
    }
    default:
      throw new UsageError(`engine: expected one of ${engineNames.join(', ')}, got '${name}'`);
  }
}

async function openAny(task: EngineTask): Promise<Engine> {
  if (task.device === 'auto' || task.device === 'cpu') {
    const { hasBlas } = await import('./blas/library.js');
    if (task.precision !== undefined && task.precision !== 'fp32') return openEngine('tensorflow', task);
    return openEngine(hasBlas(task.threads) ? 'blas' : 'onnx', task);
  }
  if (task.device === 'webgpu') return openEngine('onnx', task);
  const reasons: string[] = [];
  for (const name of ['tensorflow', 'onnx']) {
    try {
      return await openEngine(name, task);
    } catch (error) {
      reasons.push(`${name}: ${errorMessage(error)}`);
    }
  }
  throw new RunError(`no engine can compute on ${task.device} (--device cpu does without)\n  ${reasons.join('\n  ')}`);
}

function isEngine(name: string): name is EngineName {
  return engineNames.some((known) => known === name);
}

function needCpu(name: string, { device }: EngineTask): void {
  if (device === 'auto' || device === 'cpu') return;
  throw new UsageError(`the engine ${name} computes on the CPU; --device ${device} needs tensorflow or onnx`);
}
