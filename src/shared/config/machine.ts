import { usableCores } from '../system/controlGroup.js';
import { gpuNumbers } from '../system/gpuNumbers.js';

/** What the defaults of a config are taken from. */
export interface Machine {
  /** Processor cores that may be used. */
  readonly cores: number;
  /** GPUs that may be used. */
  readonly gpus?: number;
}

/** What this process may use. */
export function machineHere(): Machine {
  return { cores: usableCores(), gpus: gpuNumbers().length };
}
