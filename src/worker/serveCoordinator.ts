import { version } from '../shared/system/version.js';
import { stayConnected } from './connection/stayConnected.js';
import type { StayOptions } from './connection/way.js';
import type { WorkerOptions } from './options.js';
import { serve } from './workerSession.js';

export type ServeOptions = StayOptions & Pick<WorkerOptions, 'slot' | 'workersHere' | 'sharedFile' | 'dataRoot' | 'dataUrls'>;

/**
 * Serves a coordinator until the run is over. Where the connection is lost, or the coordinator ends before that, a resumed
 * one may come back at the same address: the worker then joins it, as a new incarnation over a new socket.
 * @throws RunError where there is no coordinator in time, or it refuses this worker; Interrupted when told to leave
 */
export function serveCoordinator(options: ServeOptions): Promise<void> {
  return stayConnected(options, (link, connection) => serve(link, { ...options, ...connection, version }));
}
