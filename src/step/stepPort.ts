import type { UnitSums } from '../shared/protocol/protocol.js';
import type { Incarnation } from '../shared/transport/transport.js';
import type { StepBatch } from './stepBatch.js';
import type { TreeNode } from './tree.js';

/** Nodes of a step's tree, as they are asked of one worker. */
export interface StepRequest {
  /** Number that answers carry. */
  readonly work: number;
  readonly batch: StepBatch;
  readonly nodes: readonly TreeNode[];
}

/** What a worker says of a node's gradient, which comes with it or after it. */
export interface NodeAnswer {
  readonly work: number;
  readonly node: TreeNode;
  /** Sums of each shard that is not empty, in order. */
  readonly shards: readonly UnitSums[];
  /** When it began, in milliseconds of the worker's own clock. */
  readonly startedAt: number;
  readonly computeMs: number;
}

/** Weights as workers are to have them. */
export interface Version {
  /** What workers know them by. */
  readonly number: number;
  /** What they were made of. */
  readonly source: Float32Array;
  /** The source itself, or what rounding has made of it. */
  readonly values: Float32Array;
}

/** A way to ask workers for gradients: through shared memory, or in messages. */
export interface StepPort {
  /** A step begins: nothing that came of the one before is needed any more. */
  begin(): void;
  /** Asks a worker. Says false where this one cannot be asked in this way. */
  ask(worker: Incarnation, request: StepRequest, weights: Version): boolean;
  /** A worker is gone. */
  left(worker: Incarnation): void;
}

/** Where the gradients of a step go as they come. */
export interface GradientSink {
  /** Takes the whole gradient of a node, with the sums of its shards. */
  add(node: TreeNode, gradient: Float32Array, shards: readonly UnitSums[]): void;
  /** Takes a slice of a node's gradient. It may come again if its worker is lost. */
  addSlice(node: TreeNode, slice: number, values: Float32Array): void;
}
