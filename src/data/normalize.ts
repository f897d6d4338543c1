import type { DataSpec, Preparation } from '../shared/config/dataSchema.js';
import { mnistFiles } from './mnist.js';

/** How a run prepares its inputs, and whoever asks its model must too, as far as its config says so in numbers. */
export function preparationOf(data: DataSpec): Preparation | undefined {
  const { normalize } = 'name' in data ? mnistFiles(undefined) : data;
  return typeof normalize === 'object' ? normalize : undefined;
}
