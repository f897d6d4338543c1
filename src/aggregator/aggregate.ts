import { type WhileItLastsOptions, whileItLasts } from '../worker/stayConnected.js';
import { serveBranch } from './aggregatorSession.js';
import type { BranchOptions } from './subtree.js';

/**
 * Serves a coordinator as an aggregator until the run is over; comes back as a worker does.
 * @throws as `serveRuns`
 */
export function aggregate(options: WhileItLastsOptions & BranchOptions): Promise<void> {
  return whileItLasts(options, (link, connection) => serveBranch(link, connection, options));
}
