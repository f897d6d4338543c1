import { UsageError } from '../text/errors.js';

/** What an engine computes on: `gpu` is any there is, `cuda:N` is NVIDIA's number N, `auto` is the engine's to choose. */
export type Device = 'auto' | 'cpu' | 'gpu' | 'webgpu' | `cuda:${number}`;

export function isDevice(value: unknown): value is Device {
  return typeof value === 'string' && /^(auto|cpu|gpu|webgpu|cuda:\d{1,3})$/.test(value);
}

/** @throws UsageError for what is none */
export function deviceOf(text: string): Device {
  if (isDevice(text)) return text;
  throw new UsageError(`device: expected auto, cpu, gpu, webgpu or cuda:N, got ${text}`);
}

/** The number of the GPU that was asked for, if it was one of NVIDIA's by number. */
export function cudaNumber(device: Device): number | undefined {
  return device.startsWith('cuda:') ? Number(device.slice('cuda:'.length)) : undefined;
}
