import { z } from 'zod';

/** What is asked of a host before anything is started there: of the data of a run, as its config names it, if of any. */
export interface HostQuestion {
  readonly data?: unknown;
  readonly validationSplit?: number;
}

/** What a host says of itself, as one line of JSON. */
export const hostReport = z.object({
  version: z.string(),
  node: z.string(),
  cores: z.int(),
  gpus: z.int(),
  /** Where ssh came from, as it sees it: the address at which it can reach whoever asked. */
  client: z.string().nullable(),
  /** Of the data; null where it was not asked for, or cannot be had. */
  fingerprint: z.string().nullable(),
  /** Why its files cannot be read: its workers then get their samples from the coordinator. */
  lacks: z.string().nullable(),
  /** What keeps it from taking part. */
  problem: z.string().nullable(),
});

export type HostReport = z.output<typeof hostReport>;
