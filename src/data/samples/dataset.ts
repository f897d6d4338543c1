import type { RowBuffer } from '../arrays/rows.js';

/** Sample numbers of a dataset, in the order they are wanted. */
export type SampleIndices = Int32Array | Uint32Array;

/** Samples that can be read one by one, in any order, again and again. */
export interface Dataset {
  /** Number of samples. */
  readonly count: number;
  /** Shape of one sample's inputs, e.g. [28, 28]. */
  readonly inputShape: readonly number[];
  readonly targets: TargetKind;
  /** Says whether two processes see the same data: a hash over shapes, types, normalisation and bytes, made when first asked for. */
  readonly fingerprint: string;
  /** Gets samples that are not on this machine; undefined where all of them are. Those that are read must be. */
  fetch?(samples: SampleIndices): Promise<void> | undefined;
  /** An array for the inputs of up to `capacity` samples, as float32 values; its rows are samples, from 0 to count - 1. */
  inputs(capacity: number): RowBuffer;
  /** What the loss of sample `index` is multiplied by; undefined where all are counted alike. */
  readonly sampleWeight: ((index: number) => number) | undefined;
  /** Where the target of a sample stands, for messages: file and row. */
  targetPlace?(index: number): string;
  /** Writes the target of sample `index` as it stands in the file: `targets.width` values. */
  readTarget(index: number, into: Float32Array, offset: number): void;
}

/** What a file of targets holds. */
export interface TargetKind {
  /** Values a sample. */
  readonly width: number;
  /** One whole number a sample, of an integer type: a class number, where the loss or the outputs ask for one. */
  readonly isClassNumber: boolean;
}

/** The parts of a run's data. `validation` is the last fraction of the training file, or a file of its own. */
export interface DataSplits<D extends Dataset = Dataset> {
  readonly train: D;
  readonly validation: D | undefined;
  readonly test: D | undefined;
}

export type PartName = keyof DataSplits;
