import type { Config } from '../shared/config/configSchema.js';
import { memoryBytes } from '../shared/system/controlGroup.js';

/** Bytes that a process needs beside the data: Node.js, an engine, and what they work in. */
const ownBytes = 250 * 2 ** 20;

/** Share of a machine's memory that all workers' data may take where no limit is given. */
const defaultShare = 0.5;

/**
 * Bytes of inputs that one worker may load; what is larger is read from its file, row by row.
 * Half of what is left of `memoryLimit`, since orders of samples, weights and gradients take memory too.
 */
export function dataMemory({ memoryLimit, workers }: Pick<Config, 'memoryLimit' | 'workers'>): number {
  if (memoryLimit === undefined) return (memoryBytes() * defaultShare) / (workers + 1);
  return Math.max(0, memoryLimit - ownBytes) / 2;
}

/** How a run's data are read. */
export interface Reading {
  /** Bytes of inputs that may be loaded; arrays beyond them are read row by row. Default: all. */
  readonly memory?: number | undefined;
  /** Are training samples read in the order `blocks`? */
  readonly inBlocks?: boolean | undefined;
}

/** How one process that has the machine to itself reads data. */
export function readingAlone(): Reading {
  return { memory: dataMemory({ memoryLimit: undefined, workers: 1 }) };
}

export function readingOf(config: Pick<Config, 'memoryLimit' | 'workers' | 'shuffle'>): Reading {
  return { memory: dataMemory(config), inBlocks: config.shuffle === 'blocks' };
}
