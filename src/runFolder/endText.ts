import type { EarlyStopping, StoppingState } from '../coordinator/training/policies/earlyStopping.js';
import { type Limits, passedLimits, type Reached } from '../coordinator/training/policies/ending.js';
import type { EndReason } from '../coordinator/training/progress.js';

/** Why a training ended, for a person. */
export function endReasonText(reason: EndReason, { target, earlyStopping }: Limits, stopping: StoppingState): string {
  switch (reason) {
    case 'epochs':
      return 'all epochs are done';
    case 'steps':
      return 'all steps are done';
    case 'target':
      return `the training loss has reached the target of ${target}`;
    case 'earlyStopping':
      return `early stopping${earlyStopping ? `: ${noImprovement(earlyStopping, stopping)}` : ''}`;
  }
}

/** Such as `valLoss did not improve for 5 epochs (best: epoch 3, 0.2104, weights restored)`. */
function noImprovement(
  { monitor, minDelta, baseline, restoreBestWeights }: EarlyStopping,
  { wait, best, bestEpoch }: StoppingState,
): string {
  if (best === null) return `${monitor} was not a finite number in any epoch`;
  const by = minDelta > 0 ? ` by more than ${minDelta}` : '';
  const past = baseline === undefined ? '' : ` past the baseline of ${baseline}`;
  const details = [
    ...(bestEpoch === null ? [] : [`best: epoch ${bestEpoch + 1}`]),
    String(Number(best.toPrecision(4))),
    ...(bestEpoch === null || !restoreBestWeights ? [] : ['weights restored']),
  ];
  return `${monitor} did not improve${by}${past} for ${count(wait, 'epoch')}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
}

/** What makes a training longer that ended for this reason. */
const ways: Readonly<Record<EndReason, string>> = {
  epochs: 'more --epochs',
  steps: 'more --steps',
  target: 'a lower --target',
  earlyStopping: 'a larger --early-stopping-patience',
};

/** Why nothing is left to do of a run, and what would make it longer. */
export function nothingToDo(reason: EndReason | null, reached: Reached, limits: Limits): string {
  const { step, epoch, stepInEpoch, stopping } = reached;
  const past = passedLimits(reached, limits);
  const reasons = [
    ...past.map((name) => `${name} ${limits[name]} is past`),
    ...(reason === null || past.length > 0 ? [] : [endReasonText(reason, limits, stopping)]),
  ];
  const done = `${count(epoch, 'epoch')}${stepInEpoch > 0 ? ' and a part of the next' : ''}, ${count(step, 'step')}`;
  const longer = past.length > 0 ? past.map((name) => ways[name]) : reason === null ? [] : [ways[reason]];
  return `nothing to do: ${reasons.join(', ')}; the run has done ${done}${longer.length === 0 ? '' : `; to train further, give ${longer.join(' and ')}`}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
