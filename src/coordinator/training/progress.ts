import type { UnitSums } from '../../shared/protocol/protocol.js';
import type { Figures } from '../../shared/text/json.js';
import type { NoiseState } from './noiseScale.js';
import { initialStopping, type StoppingState } from './policies/earlyStopping.js';
import { initialPlateau, type PlateauState } from './policies/reduceOnPlateau.js';

/** The best epoch so far, by `checkpoint.monitor`. */
export interface Best {
  readonly epoch: number;
  readonly value: number;
}

/** Why a training is over. */
export type EndReason = 'epochs' | 'steps' | 'target' | 'earlyStopping';

/** How far a run has come: with weights and moments, all that a checkpoint needs. Plain data. */
export interface Progress {
  /** Steps done: the number of the next one. */
  readonly step: number;
  /** Epoch of the next step, and steps of it that are done. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  /** Sums over the epoch's steps so far. */
  readonly sums: RunningSums;
  /** Steps that were dropped since their gradient was not finite: all, and those in a row up to the last. */
  readonly skipped: number;
  readonly skippedInRow: number;
  /** Null until an epoch counts. */
  readonly best: Best | null;
  /** Null until the training is over. */
  readonly ended: EndReason | null;
  /** Mean training loss of the last whole epoch. Absent before there is one, and in checkpoints of earlier versions. */
  readonly epochLoss?: number | undefined;
  readonly stopping: StoppingState;
  readonly plateau: PlateauState;
  /** Absent in checkpoints of earlier versions. */
  readonly noise?: NoiseState;
}

/** Sums of loss (penalty included, times samples) and metrics over samples. */
export interface RunningSums {
  readonly count: number;
  readonly loss: number;
  readonly metrics: readonly number[];
}

export const noSums: RunningSums = { count: 0, loss: 0, metrics: [] };

export const freshProgress: Progress = {
  step: 0,
  epoch: 0,
  stepInEpoch: 0,
  sums: noSums,
  skipped: 0,
  skippedInRow: 0,
  best: null,
  ended: null,
  stopping: initialStopping,
  plateau: initialPlateau,
};

/**
 * How far a run has come once a step is over.
 * @param sums over its samples; false where it was dropped: it counts as a step, and not for the epoch's means
 */
export function afterStep(progress: Progress, sums: RunningSums | false, noise: NoiseState): Progress {
  const { step, stepInEpoch, skipped, skippedInRow } = progress;
  return {
    ...progress,
    step: step + 1,
    stepInEpoch: stepInEpoch + 1,
    sums: sums ? addSums(progress.sums, sums) : progress.sums,
    skipped: skipped + (sums ? 0 : 1),
    skippedInRow: sums ? 0 : skippedInRow + 1,
    noise,
  };
}

/** Adds units up in their order, in float64. */
export function addUnits(units: readonly Pick<UnitSums, 'count' | 'loss' | 'metrics'>[]): RunningSums {
  return units.reduce<RunningSums>(addSums, noSums);
}

function addSums(a: RunningSums, b: RunningSums): RunningSums {
  return { count: a.count + b.count, loss: a.loss + b.loss, metrics: b.metrics.map((sum, i) => (a.metrics[i] ?? 0) + sum) };
}

/** Means over samples, by name: `loss`, then the metrics. */
export function means({ count, loss, metrics }: RunningSums, names: readonly string[], penalty = 0): Figures & { readonly loss: number } {
  const byName = Object.fromEntries(names.map((name, i): [string, number] => [name, (metrics[i] ?? Number.NaN) / count]));
  return { loss: loss / count + penalty, ...byName };
}
