import type { UnitSums } from '../../shared/protocol/protocol.js';
import type { Figures } from '../../shared/text/json.js';
import type { StepBatch } from '../../step/stepBatch.js';
import type { OptimizerState } from '../../step/update/optimizer.js';
import type { StoppingState } from './policies/earlyStopping.js';
import type { EndReason, Progress } from './progress.js';

/** What came of one step's shards, but for the gradient itself, which goes where it is added up. */
export interface StepAnswers {
  /** Of the shards that are not empty, in order. */
  readonly sums: readonly UnitSums[];
  /** Is every value of the gradient a finite number? */
  readonly isFinite: boolean;
  /** Shards whose sums are not finite although two computed them, and who did so last. */
  readonly nonFinite: readonly { readonly worker: string; readonly shard: number }[];
  /** Milliseconds of the worker that computed longest, by its own clock. */
  readonly computeMs: number;
}

/** Where gradients and evaluations come from. */
export interface Workers {
  /** Computes the gradients of one global batch, whose sum is good until the next call. */
  gradients(batch: StepBatch, weights: Float32Array): Promise<StepAnswers>;
  /** The sums of each chunk, in chunk order. Calls `idle` when the first worker has nothing left to do. */
  evaluate(split: 'validation' | 'test', sizes: readonly number[], weights: Float32Array, idle?: () => void): Promise<readonly UnitSums[]>;
  /** Nothing that is under way is wanted any more. */
  abandon(): void;
}

/** All that a training needs to go on as if it had never stopped. */
export interface TrainingState {
  readonly progress: Progress;
  readonly optimizer: OptimizerState;
  /** The weights of the best epoch, once there is one. */
  readonly best: Float32Array | undefined;
  /** The weights that early stopping would restore, where it is asked to. */
  readonly stoppingBest: Float32Array | undefined;
}

/** Where a run's results go. */
export interface Store {
  log(entry: Readonly<Record<string, unknown>>): void;
  saveCheckpoint(state: TrainingState): Promise<void>;
  /** @param name `best`, `final`, or `epochs/3` */
  saveModel(name: string, weights: Float32Array): Promise<void>;
  epochEnds?(weights: Float32Array): void;
  /**
   * The mean gradient of an epoch's last step, without penalties, before that step is in a checkpoint: a resumed run has none.
   * It is not told of where its slices were used as they came.
   */
  lastGradient?(gradient: Float32Array): void;
}

export interface StepFigures extends Readonly<Record<string, number | null>> {
  readonly epoch: number;
  readonly step: number;
  readonly samples: number;
  readonly loss: number;
  readonly learningRate: number;
  /** The gradient noise scale in samples, averaged over about the last hundred steps; null where it cannot be told. */
  readonly noiseScale: number | null;
}

/** Hears of what happens as it happens. */
export interface Observer {
  onStep?(figures: StepFigures): void;
  onEpoch?(figures: Figures & { readonly epoch: number }): void;
}

/** Keeps the time of steps. */
export interface Steps {
  /** @param isAhead were its gradients asked for before? */
  begins(isAhead: boolean): void;
  ends(step: number, computeMs: number): void;
}

/** What a training ended with. */
export interface Outcome {
  readonly reason: EndReason;
  readonly epochs: number;
  readonly steps: number;
  readonly bestEpoch: number | undefined;
  /** What early stopping has seen. */
  readonly stopping: StoppingState;
  /** The gradient noise scale at the end, in samples; null where it cannot be told. */
  readonly noiseScale: number | null;
  readonly bestWeights: Float32Array;
  readonly finalWeights: Float32Array;
}

export interface TrainPorts {
  readonly workers: Workers;
  readonly store: Store;
  readonly observer: Observer;
  /** Ends the training after the step that is under way, with a checkpoint. */
  readonly signal: AbortSignal;
  readonly steps?: Steps | undefined;
}
