import { totalmem } from 'node:os';
import type { Config } from '../shared/config/schema.js';

/** Bytes that a process needs beside the data: Node.js, an engine, and what they work in. */
const ownBytes = 250 * 2 ** 20;

/** Share of a machine's memory that all workers' data may take where no limit is given. */
const defaultShare = 0.5;

/**
 * Bytes of inputs that one worker may load; what is larger is read from its file, row by row.
 * Half of what is left of `memoryLimit`, since orders of samples, weights and gradients take memory too.
 */
export function dataMemory({ memoryLimit, workers }: Pick<Config, 'memoryLimit' | 'workers'>): number {
  if (memoryLimit === undefined) return (totalmem() * defaultShare) / (workers + 1);
  return Math.max(0, memoryLimit - ownBytes) / 2;
}
