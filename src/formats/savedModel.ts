import type { OptimizerSpec } from '../shared/config/optimizerSchema.js';
import type { ModelSpec } from '../shared/model/spec.js';
import type { ModelMetadata } from './metadata.js';

/** A trained model, as a file holds it. */
export interface SavedModel {
  readonly spec: ModelSpec;
  /** Flat, in the layout's order. */
  readonly weights: Float32Array;
  /** What it was trained for, and how its inputs are prepared, as far as the file says. */
  readonly metadata: ModelMetadata;
  /** What its training elsewhere had and ours lacks, one entry each; predictions do not need it. */
  readonly onlyInTraining?: readonly string[];
}

/** A model with what it takes to train it further elsewhere. */
export interface TrainableModel extends SavedModel {
  readonly optimizer: OptimizerSpec;
  /** The optimizer's at these weights, where it is known. */
  readonly state: MomentState | undefined;
}

/** An optimizer's moments, flat and in the layout's order, and how many updates it has made. */
export interface MomentState {
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly updates: number;
}
