import { type WhileItLastsOptions, whileItLasts } from '../worker/serveRuns.js';
import type { BranchOptions } from './branch.js';
import { serveBranch } from './serveBranch.js';

/**
 * Serves a coordinator as an aggregator until the run is over; comes back as a worker does.
 * @throws as `serveRuns`
 */
export function aggregate(options: WhileItLastsOptions & BranchOptions): Promise<void> {
  return whileItLasts(options, (link, connection) => serveBranch(link, connection, options));
}
