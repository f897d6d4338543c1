import type { Config } from '../../../shared/config/configSchema.js';
import type { Schedule } from '../../../shared/config/optimizerSchema.js';
import { learningRateAt } from './learningRate.js';
import { directionOf, isImprovement } from './monitor.js';

/** Keras's ReduceLROnPlateau (Keras 3.15) as a state that goes into checkpoints and a function that moves it on. */

export type ReduceOnPlateau = NonNullable<Config['reduceOnPlateau']>;

export interface PlateauState {
  /** Learning rate after the cuts so far; null before the first. */
  readonly rate: number | null;
  /** Epochs without improvement since the last improvement, cut or cooldown. */
  readonly wait: number;
  /** Epochs of pause that are left. */
  readonly cooldown: number;
  /** Best value of the watched figure; null until one counts. */
  readonly best: number | null;
}

export const initialPlateau: PlateauState = { rate: null, wait: 0, cooldown: 0, best: null };

/**
 * The state after an epoch.
 * @param value the watched figure; undefined where the epoch has none, which changes nothing
 * @param baseRate learning rate before any cut and without the warm-up
 */
export function watchPlateau(options: ReduceOnPlateau, state: PlateauState, value: number | undefined, baseRate: number): PlateauState {
  if (value === undefined) return state;
  const cooldown = Math.max(0, state.cooldown - 1);
  const waited = state.cooldown > 0 ? 0 : state.wait;
  if (isImprovement(value, state.best, directionOf(options.monitor, options.mode), options.minDelta)) {
    return { ...state, cooldown, wait: 0, best: value };
  }
  if (cooldown > 0) return { ...state, cooldown, wait: waited };
  const wait = waited + 1;
  const rate = state.rate ?? baseRate;
  if (wait < options.patience || rate <= options.minLearningRate) return { ...state, cooldown, wait };
  return { ...state, rate: Math.max(rate * options.factor, options.minLearningRate), cooldown: options.cooldown, wait: 0 };
}

/** The schedule with its rate cut. Only a constant one is ever cut: the config refuses the others. */
export function withCuts(schedule: Schedule, { rate }: PlateauState): Schedule {
  return schedule.schedule === 'constant' && rate !== null ? { ...schedule, initial: rate } : schedule;
}

/** The learning rate of a step: its schedule's, after the cuts so far. */
export function learningRateOf(
  { optimizer, reduceOnPlateau }: Pick<Config, 'optimizer' | 'reduceOnPlateau'>,
  { step, plateau }: { readonly step: number; readonly plateau: PlateauState },
): number {
  return learningRateAt(reduceOnPlateau ? withCuts(optimizer.learningRate, plateau) : optimizer.learningRate, step);
}
