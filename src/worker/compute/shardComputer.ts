import type { Dataset } from '../../data/samples/dataset.js';
import type { TargetEncoding } from '../../data/samples/targets.js';
import type { Engine } from '../../engines/engine.js';
import type { Config } from '../../shared/config/configSchema.js';
import { type Range, viewOf } from '../../shared/model/layout.js';
import type { Network } from '../../shared/model/network.js';
import { type Halves, lossScaleOf, openHalves } from '../../shared/numbers/half/half.js';
import { type KernelMemory, openKernel } from '../../shared/numbers/kernel/kernel.js';
import { maxArrays } from '../../shared/numbers/wasm.js';
import type { UnitSums } from '../../shared/protocol/protocol.js';
import { RunError } from '../../shared/text/errors.js';
import type { Arena } from '../../step/memory/arena.js';
import type { SharedMemory } from '../../step/memory/sharedMemory.js';
import { type StepBatch, sizeOfBatch } from '../../step/stepBatch.js';
import { shardRange, sumTree, type TreeNode, treeDepth } from '../../step/tree.js';
import { ShardBatches } from './shardBatches.js';

export interface NodeGradient {
  /** The node's gradient sum. It stays as it is until another step begins. */
  readonly gradient: Float32Array;
  /** Of each shard that is not empty, in order. */
  readonly shards: readonly UnitSums[];
}

/** Computes gradient sums of tree nodes, one engine call a shard, in arrays that are allocated once. */
export class ShardComputer {
  readonly #engine: Engine;
  readonly #config: Config;
  readonly #batches: ShardBatches;
  readonly #samples: number;
  /** Parameters that are not trained: their gradient is zero, which no rule moves anything by. */
  readonly #frozen: readonly Range[];
  readonly #memory: KernelMemory;
  readonly #arrays: readonly Float32Array[];
  /** Where gradients are left for a coordinator that shares this memory. */
  readonly #outbox: readonly Float32Array[];
  #free: Float32Array[];
  #freeInOutbox: Float32Array[];
  /** Arrays that adding up the whole tree takes. */
  readonly #depth: number;
  #step = -1;
  /** Of the work that is under way. */
  #weights: Float32Array = new Float32Array(0);

  /** Rounds the gradients of shards, where the run does. */
  readonly halves: Halves | undefined;
  readonly #lossScale: number;
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
    shared?: { readonly memory: SharedMemory; readonly channel: number },
  ) {
    this.#engine = engine;
    this.#config = config;
    this.#batches = new ShardBatches(network, config, train, encoding);
    this.#samples = train.count;
    this.#frozen = network.layout.parameters.filter(({ trainable }) => !trainable);
    const format = config.compression === 'none' ? undefined : config.compression;
    this.halves = format && openHalves(format);
    this.#lossScale = format ? lossScaleOf(format) : 1;
    const size = network.layout.size;
    this.#depth = treeDepth(config.shards);
    const count = Math.min(this.#depth + 3, maxArrays(size, shared?.memory.bytes));
    if (count < this.#depth)
      throw new RunError(`${size} parameters in ${config.shards} shards need more than the 4 GiB of one worker; use fewer shards`);
    this.#memory = openKernel({ lengths: new Array(count).fill(size), areaBytes: shared?.memory.bytes });
    this.arena = shared?.memory.open(this.#memory.area);
    this.#outbox = (shared && this.arena?.channels[shared.channel]?.gradients) ?? [];
    this.#freeInOutbox = [...this.#outbox];
    this.#arrays = Array.from({ length: count }, () => this.#memory.allocate(size));
    this.#free = [...this.#arrays];
  }

  /**
   * Notes the weights of what is asked for now, and whether it is of another step: the gradients of earlier ones have been
   * read then, and their arrays are free again. One step may be asked for in several pieces of work, by an aggregator to
   * which the work of another has come. Returns what is to be waited for before computing, if anything is: most engines
   * compute with the weights where they are.
   */
  beginWork(step: number, weights: Float32Array): Promise<void> | undefined {
    this.#weights = weights;
    if (step !== this.#step) this.#freeArrays(step);
    return this.#engine.keepWeights?.(weights);
  }

  #freeArrays(step: number): void {
    this.#step = step;
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
    const to = Math.min(batchSize, this.#samples);
    const sizes = new Set<number>();
    this.#weights = new Float32Array(this.#arrays[0]?.length ?? 0);
    for (let shard = 0; shard < shards; shard++) {
      const range = shardRange(shard, shards, to);
      if (sizes.has(range.to - range.from)) continue;
      sizes.add(range.to - range.from);
      await this.#batches.fetch({ step: 0, epoch: 0, from: 0, to }, shard, shard + 1);
      const gradient = await this.#shard({ step: 0, epoch: 0, from: 0, to }, shard, []);
      if (gradient) this.#free.push(gradient);
    }
  }

  /** Gets the samples of a node that this machine lacks, which must be here before its gradient is computed; undefined where they are. */
  fetch(batch: StepBatch, { from, to }: TreeNode): Promise<void> | undefined {
    return this.#batches.fetch(batch, from, to);
  }

  /**
   * The gradient sum of one tree node of a step, added up in the tree's order.
   * @param toOutbox leave it in the outbox, if there is still room
   */
  async gradient(batch: StepBatch, node: TreeNode, toOutbox = false): Promise<NodeGradient> {
    // The first array that is taken is the one in which the others are added up.
    const outgoing = toOutbox ? this.#freeInOutbox.pop() : undefined;
    if (outgoing) this.#free.push(outgoing);
    if (this.#free.length < treeDepth(node.to - node.from)) throw new RangeError('the gradient arrays are used up');
    const shards: UnitSums[] = [];
    const gradient = await sumTree(
      node,
      (shard) => this.#shard(batch, shard, shards),
      (left, right) => {
        this.#memory.kernel.add(left, right);
        this.#free.push(right);
        return left;
      },
    );
    if (!gradient) throw new RangeError(`node [${node.from}, ${node.to}) of a batch of ${sizeOfBatch(batch)} samples is empty`);
    return { gradient: this.#keep(gradient), shards };
  }

  /** Notes what was asked for, from which the next step's samples can be told. */
  expectNext(batch: StepBatch, nodes: readonly TreeNode[]): void {
    this.#batches.expect(
      batch,
      nodes.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
    );
  }

  /** A gradient stays in its array, unless the next node might then find too few. */
  #keep(gradient: Float32Array): Float32Array {
    if (this.#free.length >= this.#depth || this.#outbox.includes(gradient)) return gradient;
    this.#free.push(gradient);
    return gradient.slice();
  }

  /** Reads samples that are likely to be asked for next. Says false where there are none left to read. */
  readAhead(): boolean {
    return this.#batches.readAhead();
  }

  async #shard(batch: StepBatch, shard: number, sums: UnitSums[]): Promise<Float32Array | undefined> {
    const samples = this.#batches.batchOf(batch, shard);
    if (!samples) return undefined;
    const gradient = this.#free.pop();
    if (!gradient) throw new RangeError('no gradient array is free');
    const { loss, metrics } = await this.#engine.gradient(samples, this.#weights, gradient);
    for (const place of this.#frozen) viewOf(gradient, place).fill(0);
    const squaredNorm = this.#squaredNorm(gradient);
    // Each shard by itself and before anything is added, so that it does not matter who computes which.
    this.halves?.round(gradient, gradient, this.#lossScale / sizeOfBatch(batch));
    sums.push({ count: samples.count, loss, metrics: [...metrics], squaredNorm });
    return gradient;
  }

  #squaredNorm(gradient: Float32Array): number {
    const { kernel } = this.#memory;
    const rough = kernel.roughSquaredNorm(gradient);
    return Number.isFinite(rough) ? rough : kernel.squaredNorm(gradient);
  }
}
