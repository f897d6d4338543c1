import type { Config } from '../../shared/config/configSchema.js';
import { type TrainingLength, trainingLength } from '../../shared/config/trainingLength.js';
import type { Network } from '../../shared/model/network.js';
import type { StepBatch } from '../../step/stepBatch.js';

/** Samples of each part of the data. */
export interface SplitCounts {
  readonly train: number;
  readonly validation: number | undefined;
  readonly test: number | undefined;
}

/** What a run will do at most, worked out before its first step. */
export interface TrainingPlan extends TrainingLength {
  readonly config: Config;
  readonly network: Network;
  readonly counts: SplitCounts;
}

export function planTraining(config: Config, network: Network, counts: SplitCounts): TrainingPlan {
  return { config, network, counts, ...trainingLength(config, counts.train) };
}

/** Samples of a step: all of the training part where the batch is larger, as in Keras. */
export function globalBatch({ config, counts }: Pick<TrainingPlan, 'config' | 'counts'>): number {
  return Math.min(config.batchSize, counts.train);
}

/** Steps of one epoch: the last may be cut short by `steps`. */
export function stepsInEpoch({ stepsPerEpoch, totalSteps }: TrainingPlan, epoch: number): number {
  return Math.min(stepsPerEpoch, totalSteps - epoch * stepsPerEpoch);
}

/** How many steps a run has done: all, and of the epoch that is under way. */
export interface StepsDone {
  readonly step: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
}

/** What the step after the last one sees. */
export function nextBatch(plan: TrainingPlan, { step, epoch, stepInEpoch }: StepsDone): StepBatch {
  const { config, counts } = plan;
  const isOver = stepInEpoch === stepsInEpoch(plan, epoch);
  const from = isOver ? 0 : stepInEpoch * config.batchSize;
  return { step, epoch: isOver ? epoch + 1 : epoch, from, to: Math.min(from + config.batchSize, counts.train) };
}
