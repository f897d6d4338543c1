import { buildNetwork } from '../model/network.js';
import type { Config } from './configSchema.js';

/**
 * Values of weights, and of gradients, that do not cross the network in a step where each host has an aggregator: from so
 * many on, one is worth its own time. Measured: docs/scaling.md.
 */
const worthIts = 200_000;

/** Is an aggregator to be started on each host of a run? */
export function wantsAggregators({ topology, model, mixedNumerics }: Config, workers: number, hosts: number): boolean {
  if (topology !== 'auto') return topology === 'tree';
  return !mixedNumerics && (workers - hosts) * buildNetwork(model).layout.size >= worthIts;
}
