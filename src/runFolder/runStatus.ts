import { z } from 'zod';

const worker = z.object({
  name: z.string(),
  state: z.enum(['preparing', 'ready', 'lost']),
  host: z.string(),
  pid: z.int(),
  /** Null until it is ready. */
  engine: z.string().nullable(),
  device: z.string().nullable(),
  /** Shards and evaluation chunks it has answered for. */
  shards: z.int(),
  /** Seconds of training that it has computed, by its own clock, and that it has waited. */
  computeSeconds: z.number(),
  waitSeconds: z.number(),
  /** How often it has come again. */
  restarts: z.int(),
  /** What became of it last, where it was lost. */
  note: z.string().nullable(),
});

/** The content of status.json. */
export const runStatus = z.object({
  version: z.string(),
  /** `waiting`: for workers to begin, or for more of them; the last three: over, and why stands in `reason`. */
  state: z.enum(['waiting', 'training', 'ended', 'stopped', 'failed']),
  reason: z.string().nullable(),
  /** When this was written and when the coordinator's process began with the run: milliseconds since 1970. */
  time: z.number(),
  startedAt: z.number(),
  host: z.string(),
  pid: z.int(),
  /** Steps done, and how many there are at most. */
  step: z.int(),
  totalSteps: z.int(),
  /** Of the next step, counted from 0. */
  epoch: z.int(),
  /** Null where the length is given in steps. */
  epochs: z.int().nullable(),
  stepsPerEpoch: z.int(),
  /** Over about the last second; 0 while it waits and once it is over. */
  samplesPerSecond: z.number(),
  globalBatch: z.int(),
  shards: z.int(),
  parameters: z.int(),
  workers: z.array(worker).readonly(),
});

/** What a run is doing now: a run that is under way writes it anew every second. */
export type RunStatus = Readonly<z.output<typeof runStatus>>;

/** One worker, through all the processes that have had its name. */
export type WorkerStatus = Readonly<z.output<typeof worker>>;

/** Name of the file in a run's folder. */
export const statusName = 'status.json';
