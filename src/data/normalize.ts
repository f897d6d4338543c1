import type { DataSpec } from '../shared/config/dataSchema.js';
import { mnistFiles } from './mnist.js';

/** What a run divides its inputs by, and whoever asks its model must too; undefined for inputs taken as they are. */
export function divisorOf(data: DataSpec): number | undefined {
  const { normalize } = 'name' in data ? mnistFiles(undefined) : data;
  return normalize?.divide;
}
