import type { Partition } from '../shared/model/slices.js';
import type { KernelMemory } from '../shared/numbers/kernel/kernel.js';
import type { TreeNode } from '../step/tree.js';
import { PartedSum } from '../step/update/partedSum.js';

/** Arrays that a sum has where there are enough, and at least; see TreeSum. */
const mostSlots = 4;
const fewestSlots = 2;

/**
 * The gradient sums of the nodes that an aggregator was asked for in one step, in arrays that are allocated once. Their
 * values stay where they are while they are on their way up, so that arrays may run out; then the last of them are used for
 * one node after the other, whose values are copied before they go.
 */
export class NodeSums {
  readonly #memory: KernelMemory;
  readonly #slots: readonly Float32Array[];
  readonly #spare: readonly Float32Array[];
  readonly #partition: Partition;
  #free: Float32Array[] = [];
  #spareOf: NodeSum | undefined;

  /** @param slots at least two arrays in the kernel's memory */
  constructor(memory: KernelMemory, slots: readonly Float32Array[], partition: Partition) {
    this.#memory = memory;
    this.#spare = slots.slice(0, fewestSlots);
    this.#slots = slots.slice(fewestSlots);
    this.#partition = partition;
    this.free();
  }

  /** Nothing of the sums so far is needed any more. */
  free(): void {
    this.#free = [...this.#slots];
    this.#spareOf = undefined;
  }

  /** How many sums can be opened whose values stay where they are. */
  get room(): number {
    return Math.floor(this.#free.length / fewestSlots);
  }

  /** Is a sum under way in the arrays that are used again and again? */
  get isSpareTaken(): boolean {
    return this.#spareOf !== undefined;
  }

  /**
   * Opens a sum over each node: as many as there is room for, or one.
   * @param wanted the shards that are not empty
   */
  open(nodes: readonly TreeNode[], wanted: ReadonlySet<number>): NodeSum[] {
    const [only] = nodes;
    if (this.room === 0 && only && nodes.length === 1) {
      if (this.#spareOf) throw new RangeError('no arrays are free for another sum');
      this.#spareOf = new NodeSum(this.#memory, this.#spare, this.#partition, only, wanted, true);
      return [this.#spareOf];
    }
    const each = Math.min(mostSlots, Math.max(fewestSlots, Math.floor(this.#free.length / nodes.length)));
    return nodes.map((node) => {
      const slots = this.#free.splice(0, each);
      if (slots.length < fewestSlots) throw new RangeError('no arrays are free for another sum');
      return new NodeSum(this.#memory, slots, this.#partition, node, wanted, false);
    });
  }

  /** All of a sum has gone. */
  done(sum: NodeSum): void {
    if (sum === this.#spareOf) this.#spareOf = undefined;
  }
}

/** One node's gradient sum: parts of it are complete while others are on their way. */
export class NodeSum {
  readonly node: TreeNode;
  readonly #memory: KernelMemory;
  readonly #sum: PartedSum;
  readonly #isCopied: boolean;
  readonly #complete = new Map<number, Float32Array>();

  /** @param isCopied are the parts that are complete copied out of the slots */
  constructor(
    memory: KernelMemory,
    slots: readonly Float32Array[],
    partition: Partition,
    node: TreeNode,
    wanted: ReadonlySet<number>,
    isCopied: boolean,
  ) {
    this.node = node;
    this.#memory = memory;
    this.#isCopied = isCopied;
    this.#sum = new PartedSum(memory.kernel, slots, partition);
    this.#sum.start(node, wanted);
  }

  /** Is it a part of this sum? */
  has({ from, to }: TreeNode): boolean {
    return this.node.from <= from && to <= this.node.to;
  }

  /** Takes a part of the gradient of a node within, or with no part the whole of it. */
  add(node: TreeNode, part: number | undefined, values: Float32Array): void {
    const complete = part === undefined ? this.#sum.add(node, values) : this.#sum.addPart(node, part, values);
    for (const { part: done, sum } of complete) {
      if (sum.addend) this.#memory.kernel.add(sum.gradient, sum.addend);
      this.#complete.set(done, this.#isCopied ? sum.gradient.slice() : sum.gradient);
    }
  }

  /** A part, once it is complete: good until the sums are freed. */
  part(number: number): Float32Array | undefined {
    return this.#complete.get(number);
  }
}
