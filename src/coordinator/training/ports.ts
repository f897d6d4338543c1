import type { Checkpoint } from '../../runFolder/checkpoint.js';
import type { PartSums } from '../../shared/protocol/protocol.js';
import type { Figures } from '../../shared/text/json.js';
import type { StepAnswers, StepPlan } from '../../step/stepBatch.js';
import type { PartSum } from '../../step/update/partedSum.js';
import type { StepTimes } from '../timing/stepTimes.js';
import type { Stopwatch } from '../timing/stopwatch.js';
import type { Tracer } from '../timing/tracer.js';
import type { StoppingState } from './policies/earlyStopping.js';
import type { EndReason } from './progress.js';

/** Where gradients and evaluations come from. */
export interface Workers {
  /**
   * Computes the gradient sum of one global batch, which is good until the next call.
   * @param onPart is told of every part of it as soon as that is complete
   */
  gradients(plan: StepPlan, weights: Float32Array, onPart?: (part: PartSum) => void): Promise<StepAnswers>;
  /** A part of the next step's weights is there, if that step comes. */
  announce(weights: Float32Array, part: number): void;
  /** The sums of each chunk, in chunk order. Calls `onIdle` when the first worker has nothing left to do. */
  evaluate(part: 'validation' | 'test', sizes: readonly number[], weights: Float32Array, onIdle?: () => void): Promise<readonly PartSums[]>;
  /** Nothing that is under way is wanted any more. */
  abandon(): void;
}

/** Where a run's results go. */
export interface Store {
  log(entry: Readonly<Record<string, unknown>>): void;
  saveCheckpoint(checkpoint: Omit<Checkpoint, 'metricsBytes'>): Promise<void>;
  /** @param name `best`, `final`, or `epochs/3` */
  saveModel(name: string, weights: Float32Array): Promise<void>;
  epochEnds?(weights: Float32Array): void;
  /**
   * The mean gradient of an epoch's last step, without penalties, before that step is in a checkpoint: a resumed run has none.
   * It is not told of where its parts were used as they came.
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
  /** Times the moves of the optimizer. */
  readonly updating: Stopwatch;
  readonly stepTimes: StepTimes;
  readonly tracer?: Tracer | undefined;
  /** Is given a function that saves a checkpoint of the last whole step, at any time. */
  readonly onSaveable?: (save: () => Promise<void>) => void;
}
