import type { PartSums } from '../shared/protocol.js';
import type { GradientSum } from './treeSum.js';

/** One step's batch: positions [from, from + count) of the epoch's order. */
export interface StepPlan {
  readonly step: number;
  readonly epoch: number;
  readonly from: number;
  readonly count: number;
}

/** The gradient sum of one step, good until the next. */
export interface StepAnswers extends GradientSum {
  /** What makes a mean of the sum: its samples, where nothing has been divided before. */
  readonly divisor: number;
  /** Sums of the shards that are not empty, in order. */
  readonly parts: readonly PartSums[];
  /** Is every value of it a finite number? */
  readonly isFinite: boolean;
  /** Shards whose sums are not finite although two computed them, and who did so last. */
  readonly nonFinite: readonly { readonly worker: string; readonly shard: number }[];
  /** Milliseconds of the worker that computed longest, by its own clock, and of adding up here. */
  readonly computeMs: number;
  readonly reduceMs: number;
}
