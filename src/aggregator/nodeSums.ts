import { PartedSum } from '../coordinator/partedSum.js';
import type { KernelMemory } from '../shared/kernel/kernel.js';
import type { Partition } from '../shared/partition.js';
import type { TreeNode } from '../shared/tree.js';

/** Arrays that a sum has where there are enough, and at least; see TreeSum. */
const mostSlots = 4;
const fewestSlots = 2;

/** The gradient sums of the nodes that an aggregator was asked for in one step, in arrays that are allocated once. */
export class NodeSums {
  readonly #memory: KernelMemory;
  readonly #slots: readonly Float32Array[];
  readonly #partition: Partition;
  #free: Float32Array[] = [];

  /** @param slots arrays in the kernel's memory */
  constructor(memory: KernelMemory, slots: readonly Float32Array[], partition: Partition) {
    this.#memory = memory;
    this.#slots = slots;
    this.#partition = partition;
    this.free();
  }

  /** Nothing of the sums so far is needed any more. */
  free(): void {
    this.#free = [...this.#slots];
  }

  /** How many sums can be opened before the next `free`. */
  get room(): number {
    return Math.floor(this.#free.length / fewestSlots);
  }

  /**
   * Opens a sum over each node.
   * @param wanted the shards that are not empty
   */
  open(nodes: readonly TreeNode[], wanted: ReadonlySet<number>): NodeSum[] {
    const each = Math.min(mostSlots, Math.max(fewestSlots, Math.floor(this.#free.length / nodes.length)));
    return nodes.map((node) => {
      const slots = this.#free.splice(0, each);
      if (slots.length < fewestSlots) throw new RangeError('no arrays are free for another sum');
      return new NodeSum(this.#memory, slots, this.#partition, node, wanted);
    });
  }
}

/** One node's gradient sum: parts of it are complete while others are on their way. */
export class NodeSum {
  readonly node: TreeNode;
  readonly #memory: KernelMemory;
  readonly #sum: PartedSum;
  readonly #complete = new Map<number, Float32Array>();

  constructor(memory: KernelMemory, slots: readonly Float32Array[], partition: Partition, node: TreeNode, wanted: ReadonlySet<number>) {
    this.node = node;
    this.#memory = memory;
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
      this.#complete.set(done, sum.gradient);
    }
  }

  /** A part, once it is complete: good until the sums are freed. */
  part(number: number): Float32Array | undefined {
    return this.#complete.get(number);
  }
}
