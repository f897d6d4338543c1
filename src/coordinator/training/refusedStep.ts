import { blockSizeFor, sampleOrder } from '../../shared/numbers/random/sampleOrder.js';
import { RunError } from '../../shared/text/errors.js';
import { type StepBatch, sizeOfBatch } from '../../step/stepBatch.js';
import { shardRange } from '../../step/tree.js';
import type { StepAnswers } from './ports.js';
import type { Progress } from './progress.js';
import type { TrainingPlan } from './trainingPlan.js';

/** May a step whose loss or gradient is not finite be dropped? */
export function mayBeDropped({ config }: TrainingPlan, { skippedInRow }: Progress): boolean {
  return config.onNonFinite === 'skip' && skippedInRow < config.maxSkipped;
}

/** A step whose loss or gradient is not finite, although two workers computed it, ends the run. */
export function refusedStep(plan: TrainingPlan, batch: StepBatch, nonFinite: StepAnswers['nonFinite']): RunError {
  const { onNonFinite, maxSkipped } = plan.config;
  const [first] = nonFinite;
  const place = first
    ? `${first.worker}, shard ${first.shard}, samples ${firstSamples(plan, batch, first.shard).join(', ')}`
    : 'the sum over the shards';
  const rule = onNonFinite === 'skip' ? `, and ${maxSkipped} steps in a row were dropped before` : '';
  return new RunError(
    `step ${batch.step}: the loss or gradient is not finite (${place})${rule}; the weights before it are saved; lower the learning rate, clip the gradient, or look at these samples`,
  );
}

/** The first sample numbers of a shard. */
function firstSamples({ config, counts, network }: TrainingPlan, batch: StepBatch, shard: number): number[] {
  const range = shardRange(shard, config.shards, sizeOfBatch(batch));
  const order = sampleOrder(counts.train, config.seed, batch.epoch, config.shuffle, blockSizeFor(network.inputs));
  return [...order.subarray(batch.from + range.from, batch.from + range.to)].slice(0, 5);
}
