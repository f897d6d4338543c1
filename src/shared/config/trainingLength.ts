import type { Config } from './configSchema.js';

/** How long a run is at most. */
export interface TrainingLength {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/** @param samples number of the training part */
export function trainingLength(
  { batchSize, epochs, steps }: Pick<Config, 'batchSize' | 'epochs' | 'steps'>,
  samples: number,
): TrainingLength {
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const byEpochs = (epochs ?? Number.POSITIVE_INFINITY) * stepsPerEpoch;
  return { stepsPerEpoch, totalSteps: Math.min(byEpochs, steps ?? Number.POSITIVE_INFINITY) };
}
