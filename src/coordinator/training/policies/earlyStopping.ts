import type { Config } from '../../../shared/config/configSchema.js';
import { directionOf, isImprovement } from './monitor.js';

/** Keras's EarlyStopping (Keras 3.15) as a state that goes into checkpoints and a function that moves it on. */

export type EarlyStopping = NonNullable<Config['earlyStopping']>;

export interface StoppingState {
  /** Epochs since the last improvement (that was past the baseline, if there is one). */
  readonly wait: number;
  /** Best value of the watched figure; null until one counts. */
  readonly best: number | null;
  /** Epoch, counted from 0, whose weights are the best; null until there is one. */
  readonly bestEpoch: number | null;
}

export const initialStopping: StoppingState = { wait: 0, best: null, bestEpoch: null };

export interface StoppingVerdict {
  readonly state: StoppingState;
  readonly shouldStop: boolean;
  /** Are the epoch's weights the ones to keep? */
  readonly isBest: boolean;
}

/**
 * What the end of an epoch means.
 * @param epoch counted from 0
 * @param value the watched figure; undefined where the epoch has none, which changes nothing
 */
export function watchEpoch(options: EarlyStopping, state: StoppingState, epoch: number, value: number | undefined): StoppingVerdict {
  if (value === undefined || epoch < options.startFromEpoch) return { state, shouldStop: false, isBest: false };
  const direction = directionOf(options.monitor, options.mode);
  const wait = state.wait + 1;
  if (isImprovement(value, state.best, direction, options.minDelta)) {
    const isPastBaseline = options.baseline === undefined || isImprovement(value, options.baseline, direction, options.minDelta);
    // Short of the baseline an improvement does not start the wait anew, but it never stops the run by itself either.
    return { state: { wait: isPastBaseline ? 0 : wait, best: value, bestEpoch: epoch }, shouldStop: false, isBest: true };
  }
  // The first epoch watched is the one to fall back on, whatever its figure.
  const isFallback = options.restoreBestWeights && state.bestEpoch === null;
  const next = { wait, best: state.best, bestEpoch: isFallback ? epoch : state.bestEpoch };
  return { state: next, shouldStop: wait >= options.patience && epoch > 0, isBest: isFallback };
}
