import { stayConnected } from '../worker/connection/stayConnected.js';
import type { StayOptions } from '../worker/connection/way.js';
import { serveAggregator } from './aggregatorSession.js';
import type { SubtreeOptions } from './subtree.js';

/**
 * Serves a coordinator as an aggregator until the run is over; comes back as a worker does.
 * @throws as `stayConnected`
 */
export function aggregate(options: StayOptions & SubtreeOptions): Promise<void> {
  return stayConnected(options, (link, connection) => serveAggregator(link, connection, options));
}
