/** What a run is doing now: the content of status.json, which a run that is under way writes anew every second. */
export interface RunStatus {
  readonly version: string;
  /** `waiting`: for workers to begin, or for more of them; the last three: over, and why stands in `reason`. */
  readonly state: 'waiting' | 'training' | 'ended' | 'stopped' | 'failed';
  readonly reason: string | null;
  /** When this was written and when the coordinator's process began with the run: milliseconds since 1970. */
  readonly time: number;
  readonly startedAt: number;
  readonly host: string;
  readonly pid: number;
  /** Steps done, and how many there are at most. */
  readonly step: number;
  readonly totalSteps: number;
  /** Of the next step, counted from 0. */
  readonly epoch: number;
  /** Null where the length is given in steps. */
  readonly epochs: number | null;
  readonly stepsPerEpoch: number;
  /** Over about the last second of training. */
  readonly samplesPerSecond: number;
  readonly globalBatch: number;
  readonly shards: number;
  readonly parameters: number;
  readonly workers: readonly WorkerStatus[];
}

/** One worker, through all the processes that have had its name. */
export interface WorkerStatus {
  readonly name: string;
  readonly state: 'preparing' | 'ready' | 'lost';
  readonly host: string;
  readonly pid: number;
  /** Null until it is ready. */
  readonly engine: string | null;
  readonly device: string | null;
  /** Shards and evaluation chunks it has answered for. */
  readonly shards: number;
  /** Seconds of training that it has computed, by its own clock, and that it has waited. */
  readonly computeSeconds: number;
  readonly waitSeconds: number;
  /** How often it has come again. */
  readonly restarts: number;
  /** What became of it last, where it was lost. */
  readonly note: string | null;
}

/** Name of the file in a run's folder. */
export const statusName = 'status.json';
