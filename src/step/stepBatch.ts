import type { PartSums } from '../shared/protocol/protocol.js';
import type { GradientSum } from './update/treeSum.js';

/** One step's batch: positions [from, from + count) of the epoch's order. */
export interface StepPlan {
  readonly step: number;
  readonly epoch: number;
  readonly from: number;
  readonly count: number;
}

/** What came of one step's shards. */
export interface StepAnswers {
  /** The gradient sum, by the parts of the partition; good until the next step. */
  readonly gradient: readonly GradientSum[];
  /** Sums of the shards that are not empty, in order. */
  readonly parts: readonly PartSums[];
  /** Is every value of the gradient a finite number? */
  readonly isFinite: boolean;
  /** Shards whose sums are not finite although two computed them, and who did so last. */
  readonly nonFinite: readonly { readonly worker: string; readonly shard: number }[];
  /** Milliseconds of the worker that computed longest, by its own clock, and of adding up here. */
  readonly computeMs: number;
  readonly reduceMs: number;
}
