import type { Figures } from '../../shared/text/json.js';
import type { StoppingVerdict } from './policies/earlyStopping.js';
import { watchPlateau } from './policies/reduceOnPlateau.js';
import { type EndReason, noSums, type Progress } from './progress.js';
import type { TrainingPlan } from './trainingPlan.js';

/** How far a run has come once an epoch is over. @param stop what early stopping says of it, where there is some */
export function afterEpoch(plan: TrainingPlan, progress: Progress, figures: Figures, stop: StoppingVerdict | undefined): Progress {
  return {
    ...progress,
    epoch: progress.epoch + 1,
    stepInEpoch: 0,
    sums: noSums,
    epochLoss: Number.isFinite(figures['loss']) ? figures['loss'] : undefined,
    stopping: stop?.state ?? progress.stopping,
    plateau: plateauAfter(plan, progress, figures),
    ended: reasonToEnd(plan, progress, figures, stop?.shouldStop ?? false),
  };
}

function reasonToEnd({ config, totalSteps }: TrainingPlan, { step }: Progress, figures: Figures, shouldStop: boolean): EndReason | null {
  if (shouldStop) return 'earlyStopping';
  if (config.target !== undefined && (figures['loss'] ?? Number.NaN) <= config.target) return 'target';
  if (step < totalSteps) return null;
  return config.steps === step ? 'steps' : 'epochs';
}

function plateauAfter({ config }: TrainingPlan, { plateau }: Progress, figures: Figures): Progress['plateau'] {
  const { reduceOnPlateau, optimizer } = config;
  if (!reduceOnPlateau || optimizer.learningRate.schedule !== 'constant') return plateau;
  return watchPlateau(reduceOnPlateau, plateau, figures[reduceOnPlateau.monitor], optimizer.learningRate.initial);
}
