import { shardRange, type TreeNode } from './tree.js';

/** The samples of one step: positions [from, to) of its epoch's order. */
export interface StepBatch {
  readonly step: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

/** Samples of a step. */
export function sizeOfBatch({ from, to }: StepBatch): number {
  return to - from;
}

/** The samples of the step after one, where no epoch is cut short. @param samples of the training set */
export function batchAfter({ step, epoch, to }: StepBatch, batchSize: number, samples: number): StepBatch {
  const isOver = to >= samples;
  const from = isOver ? 0 : to;
  return { step: step + 1, epoch: isOver ? epoch + 1 : epoch, from, to: Math.min(from + batchSize, samples) };
}

/** Samples of each shard of a step that lies within one of the nodes; 0 for the others, and for an empty one. */
export function shardSizes(batch: StepBatch, shards: number, nodes: readonly TreeNode[]): number[] {
  const count = sizeOfBatch(batch);
  return Array.from({ length: shards }, (_, shard) => {
    const { from, to } = shardRange(shard, shards, count);
    return nodes.some((node) => node.from <= shard && shard < node.to) ? to - from : 0;
  });
}

/** The shards of a step that are not empty. */
export function wantedShards(batch: StepBatch, shards: number): Set<number> {
  return new Set(shardSizes(batch, shards, [{ from: 0, to: shards }]).flatMap((size, shard) => (size > 0 ? [shard] : [])));
}

/** Sizes of the fixed chunks that so many samples are evaluated in. */
export function chunkSizes(samples: number, chunk: number): number[] {
  return Array.from({ length: Math.ceil(samples / chunk) }, (_, i) => Math.min(chunk, samples - i * chunk));
}
