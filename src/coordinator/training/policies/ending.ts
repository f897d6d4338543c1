import type { Config } from '../../../shared/config/configSchema.js';
import type { EndReason, Progress } from '../progress.js';

/** When a training is over, and what is left of it once its limits are others. */

export type Limits = Pick<Config, 'epochs' | 'steps' | 'target' | 'earlyStopping'>;

/** What limits are compared with. */
export type Reached = Pick<Progress, 'step' | 'epoch' | 'stepInEpoch' | 'stopping' | 'ended' | 'epochLoss'>;

/**
 * Why a training that has come this far is over; null where it goes on.
 * @param limits may differ from those of the training so far
 */
export function endOf(reached: Reached, limits: Limits): EndReason | null {
  const { step, epoch, stepInEpoch, stopping, ended, epochLoss } = reached;
  const { epochs, steps, target, earlyStopping } = limits;
  // These two are decided where an epoch ends.
  if (stepInEpoch === 0) {
    if (ended === 'earlyStopping' && earlyStopping && stopping.wait >= earlyStopping.patience) return 'earlyStopping';
    if (target !== undefined && epochLoss !== undefined && epochLoss <= target) return 'target';
  }
  if (steps !== undefined && step >= steps) return 'steps';
  return epochs !== undefined && epoch >= epochs ? 'epochs' : null;
}

/** Which limits a training is already beyond, so that it can no longer end there. */
export function passedLimits({ step, epoch, stepInEpoch }: Reached, limits: Limits): ('epochs' | 'steps')[] {
  const begun = { epochs: epoch + (stepInEpoch > 0 ? 1 : 0), steps: step };
  return (['epochs', 'steps'] as const).filter((name) => begun[name] > (limits[name] ?? Number.POSITIVE_INFINITY));
}
