import type { EngineOn } from './engineFigures.js';

/** Of the factors of matrix products. */
export const precisions = ['fp32', 'fp16', 'bf16'] as const;
export type Precision = (typeof precisions)[number];

/** Why an engine cannot compute in so many bits on a device; undefined where it may. */
export function precisionProblem({ engine, device }: EngineOn, precision: Precision): string | undefined {
  if (precision === 'fp32') return undefined;
  const advice = `--precision ${precision} needs the engine tensorflow, or onnx on ${precision === 'fp16' ? 'a GPU' : "one of NVIDIA's GPUs"}`;
  if (engine === 'blas' || engine === 'reference') return `the engine ${engine} knows no ${precision}; ${advice}`;
  // On a CPU, ONNX Runtime takes the rounding out of the graph; WebGPU's shaders have no bf16.
  if (engine === 'onnx' && device === 'cpu') return `ONNX Runtime computes in float32 on a CPU; ${advice}`;
  if (engine === 'onnx' && device === 'webgpu' && precision === 'bf16') return `WebGPU knows no bf16; ${advice}`;
  return undefined;
}
