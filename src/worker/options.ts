import type { DataAccess } from './samples/openSamples.js';

/** What a worker's own command line says. */
export interface WorkerOptions extends DataAccess {
  /** Version of this program. */
  readonly version: string;
  /** The number that the coordinator gave this worker, if it started it. */
  readonly slot?: number | undefined;
  /** What it was called when it was connected before. */
  readonly number?: number | undefined;
  /** How often in a row it has not reached an aggregator that it was sent to. */
  readonly misses?: number | undefined;
  /** What named it to the aggregator that it was sent to. */
  readonly ticket?: number | undefined;
  /** Is it connected over a socket that only this machine has? Memory that is offered is shared then. */
  readonly isSameMachine?: boolean | undefined;
  /** Workers of the run on this machine; default: where there is a slot, all of them. */
  readonly workersHere?: number | undefined;
  /** File of the memory that the coordinator shares, if it does: a descriptor that this process was started with. */
  readonly sharedFile?: number | undefined;
  /** Aborts when the worker should say that it leaves, and leave. */
  readonly leave: AbortSignal;
}
