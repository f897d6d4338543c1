import { engineNames } from '../shared/config/schema.js';
import { UsageError } from '../shared/errors.js';
import type { Engine, EngineTask } from './engine.js';

/**
 * Opens the engine of that name; only then are its packages loaded.
 * @param name one of `engineNames`; `auto` is the machine's BLAS where it has one, else ONNX Runtime, native where that
 *   can be loaded and WebAssembly where not
 * @throws UsageError for any other name
 */
export async function openEngine(name: string, task: EngineTask): Promise<Engine> {
  switch (name) {
    case 'auto': {
      const { hasBlas } = await import('./blas/library.js');
      return openEngine(hasBlas(task.threads) ? 'blas' : 'onnx', task);
    }
    case 'blas': {
      const { openBlasEngine } = await import('./blas.js');
      return openBlasEngine(task);
    }
    case 'onnx': {
      const { openOnnx } = await import('./onnx/onnx.js');
      return openOnnx(task);
    }
    case 'reference': {
      const { openReference } = await import('./reference.js');
      return openReference(task);
    }
    default:
      throw new UsageError(`engine: expected one of ${engineNames.join(', ')}, got '${name}'`);
  }
}
