import { readdirSync } from 'node:fs';

/**
 * NVIDIA's GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them: those that it names already, else all that
 * the driver knows. None where there is no driver.
 */
export function gpuNumbers(visible = process.env['CUDA_VISIBLE_DEVICES']): string[] {
  if (visible !== undefined) {
    const names = visible.split(',').map((name) => name.trim());
    // As CUDA reads it: up to the first that is none.
    const end = names.findIndex((name) => name === '' || name === '-1');
    return end < 0 ? names : names.slice(0, end);
  }
  try {
    return readdirSync('/proc/driver/nvidia/gpus').map((_, number) => String(number));
  } catch {
    return [];
  }
}
