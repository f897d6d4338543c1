import { BatchReader } from '../data/batch.js';
import type { Dataset } from '../data/dataset.js';
import type { TargetEncoding } from '../data/targets.js';
import type { Engine } from '../engines/engine.js';
import type { Config } from '../shared/config/schema.js';
import { RunError } from '../shared/errors.js';
import { type KernelMemory, openKernel } from '../shared/kernel/kernel.js';
import type { Arena } from '../shared/memory/arena.js';
import type { SharedMemory } from '../shared/memory/sharedMemory.js';
import type { DropoutOp, Network } from '../shared/model/network.js';
import type { PartSums } from '../shared/protocol.js';
import { writeDropoutMask } from '../shared/random/dropoutMask.js';
import { sampleOrder } from '../shared/random/sampleOrder.js';
import { shardRange, sumTree, type TreeNode, treeDepth } from '../shared/tree.js';
import { maxArrays } from '../shared/wasm.js';

/** Which samples a step sees: positions [from, to) of the epoch's order. */
export interface StepBatch {
  readonly step: number;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

export interface NodeGradient {
  /** The node's gradient sum. It stays as it is until other work begins. */
  readonly gradient: Float32Array;
  /** Of each shard that is not empty, in order. */
  readonly shards: readonly PartSums[];
}

/** Computes gradient sums of tree nodes, one engine call a shard, in arrays that are allocated once. */
export class ShardComputer {
  readonly #engine: Engine;
  readonly #config: Config;
  readonly #dropouts: readonly DropoutOp[];
  readonly #reader: BatchReader;
  readonly #masks: readonly Float32Array[];
  readonly #memory: KernelMemory;
  readonly #arrays: readonly Float32Array[];
  /** Where gradients are left for a coordinator that shares this memory. */
  readonly #outbox: readonly Float32Array[];
  #free: Float32Array[];
  #freeInOutbox: Float32Array[];
  /** Arrays that adding up the whole tree takes. */
  readonly #depth: number;
  #work = -1;
  #order: { epoch: number; samples: Uint32Array } | undefined;

  /** The memory shared with the coordinator, where there is some. */
  readonly arena: Arena | undefined;

  /**
   * @param shared pages that the coordinator has passed on, and which of their channels is this worker's
   * @throws RunError where the gradients do not fit into memory
   */
  constructor(
    engine: Engine,
    network: Network,
    config: Config,
    train: Dataset,
    encoding: TargetEncoding,
    shared?: { readonly memory: SharedMemory; readonly slot: number },
  ) {
    this.#engine = engine;
    this.#config = config;
    this.#dropouts = network.ops.filter((op) => op.kind === 'dropout');
    const capacity = Math.ceil(config.batchSize / config.shards);
    this.#reader = new BatchReader(train, encoding, network.outputs, capacity);
    this.#masks = this.#dropouts.map(({ units }) => new Float32Array(capacity * units));
    const size = network.layout.size;
    this.#depth = treeDepth(config.shards);
    const count = Math.min(this.#depth + 3, maxArrays(size, shared?.memory.bytes));
    if (count < this.#depth)
      throw new RunError(`${size} parameters in ${config.shards} shards need more than the 4 GiB of one worker; use fewer shards`);
    this.#memory = openKernel(new Array(count).fill(size), shared?.memory.bytes);
    this.arena = shared?.memory.open(this.#memory.area);
    this.#outbox = (shared && this.arena?.channels[shared.slot]?.gradients) ?? [];
    this.#freeInOutbox = [...this.#outbox];
    this.#arrays = Array.from({ length: count }, () => this.#memory.allocate(size));
    this.#free = [...this.#arrays];
  }

  /** Notes that the coordinator has gone on to other work: it has read the gradients of earlier work, whose arrays are free again. */
  beginWork(work: number): void {
    if (work === this.#work) return;
    this.#work = work;
    this.#free = [...this.#arrays];
    this.#freeInOutbox = [...this.#outbox];
  }

  /** Which of the arrays in the outbox a gradient is in; -1 where it is in none, and must be sent. */
  placeInOutbox(gradient: Float32Array): number {
    return this.#outbox.indexOf(gradient);
  }

  /** Computes a first gradient of every shard size of a full batch, so that nothing is built or grown in the first step. */
  async warmUp(): Promise<void> {
    const { batchSize, shards } = this.#config;
    const to = Math.min(batchSize, this.#reader.dataset.count);
    const sizes = new Set<number>();
    const weights = new Float32Array(this.#arrays[0]?.length ?? 0);
    for (let shard = 0; shard < shards; shard++) {
      const range = shardRange(shard, shards, to);
      if (sizes.has(range.to - range.from)) continue;
      sizes.add(range.to - range.from);
      const gradient = await this.#shard({ step: 0, epoch: 0, from: 0, to }, shard, weights, []);
      if (gradient) this.#free.push(gradient);
    }
  }

  /**
   * The gradient sum of one tree node of a step, added up in the tree's order.
   * @param toOutbox leave it in the outbox, if there is still room
   */
  async gradient(batch: StepBatch, node: TreeNode, weights: Float32Array, toOutbox = false): Promise<NodeGradient> {
    // The first array that is taken is the one in which the others are added up.
    const outgoing = toOutbox ? this.#freeInOutbox.pop() : undefined;
    if (outgoing) this.#free.push(outgoing);
    if (this.#free.length < treeDepth(node.to - node.from)) throw new RangeError('the gradient arrays are used up');
    const shards: PartSums[] = [];
    const gradient = await sumTree(
      node,
      (shard) => this.#shard(batch, shard, weights, shards),
      (left, right) => {
        this.#memory.kernel.add(left, right);
        this.#free.push(right);
        return left;
      },
    );
    if (!gradient) throw new RangeError(`node [${node.from}, ${node.to}) of a batch of ${batch.to - batch.from} samples is empty`);
    return { gradient: this.#keep(gradient), shards };
  }

  /** A gradient stays in its array, unless the next node might then find too few. */
  #keep(gradient: Float32Array): Float32Array {
    if (this.#free.length >= this.#depth || this.#outbox.includes(gradient)) return gradient;
    this.#free.push(gradient);
    return gradient.slice();
  }

  async #shard(batch: StepBatch, shard: number, weights: Float32Array, sums: PartSums[]): Promise<Float32Array | undefined> {
    const { from, to } = shardRange(shard, this.#config.shards, batch.to - batch.from);
    if (from === to) return undefined;
    const count = to - from;
    const order = this.#orderOf(batch.epoch);
    const first = batch.from + from;
    this.#reader.fill(order, first, count);
    const samples = order.subarray(first, first + count);
    for (const { index, units, rate } of this.#dropouts) {
      const mask = this.#masks[index];
      if (mask) writeDropoutMask(mask, samples, units, rate, { seed: this.#config.seed, step: batch.step, layer: index });
    }
    const gradient = this.#free.pop();
    if (!gradient) throw new RangeError('no gradient array is free');
    const { inputs, targets } = this.#reader;
    const { loss, metrics } = await this.#engine.gradient({ count, inputs, targets, masks: this.#masks }, weights, gradient);
    sums.push({ count, loss, metrics: [...metrics], squaredNorm: this.#memory.kernel.squaredNorm(gradient) });
    return gradient;
  }

  #orderOf(epoch: number): Uint32Array {
    if (this.#order?.epoch !== epoch) {
      const { seed, shuffle } = this.#config;
      this.#order = { epoch, samples: sampleOrder(this.#reader.dataset.count, seed, epoch, shuffle) };
    }
    return this.#order.samples;
  }
}
