import type { TrainingPlan } from '../trainingPlan.js';

/** Which way a watched figure gets better, and when it has. */

export type Direction = 'min' | 'max';

/** The direction of a figure; `auto` is Keras's rule: accuracies rise, all else falls. */
export function directionOf(monitor: string, mode: Direction | 'auto'): Direction {
  if (mode !== 'auto') return mode;
  return monitor.toLowerCase().includes('accuracy') ? 'max' : 'min';
}

/**
 * Is a figure better than the best so far by more than `minDelta`? One that is not finite never is, so that the best
 * is always a number that JSON can hold. (Keras takes the first figure as an improvement even where it is NaN.)
 * @param best null where there is none yet: any finite figure is better
 */
export function isImprovement(value: number | undefined, best: number | null, direction: Direction, minDelta: number): boolean {
  if (value === undefined || !Number.isFinite(value)) return false;
  if (best === null) return true;
  return direction === 'min' ? value + minDelta < best : value - minDelta > best;
}

/** The figure that decides which model of a run is the best. */
export function bestMonitor({ config, counts }: Pick<TrainingPlan, 'config' | 'counts'>): string {
  return config.checkpoint.monitor ?? (counts.validation === undefined ? 'loss' : 'valLoss');
}
