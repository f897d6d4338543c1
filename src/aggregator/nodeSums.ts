import type { Slices } from '../shared/model/slices.js';
import type { KernelMemory } from '../shared/numbers/kernel/kernel.js';
import type { GradientSink } from '../step/stepPort.js';
import type { TreeNode } from '../step/tree.js';
import { SlicedSum } from '../step/update/treeSum.js';

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
  readonly #cut: Slices;
  #free: Float32Array[] = [];
  #spareOf: NodeSum | undefined;

  /** @param slots at least two arrays in the kernel's memory */
  constructor(memory: KernelMemory, slots: readonly Float32Array[], cut: Slices) {
    this.#memory = memory;
    this.#spare = slots.slice(0, fewestSlots);
    this.#slots = slots.slice(fewestSlots);
    this.#cut = cut;
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
      this.#spareOf = new NodeSum(this.#memory, this.#spare, this.#cut, only, wanted, true);
      return [this.#spareOf];
    }
    const each = Math.min(mostSlots, Math.max(fewestSlots, Math.floor(this.#free.length / nodes.length)));
    return nodes.map((node) => {
      const slots = this.#free.splice(0, each);
      if (slots.length < fewestSlots) throw new RangeError('no arrays are free for another sum');
      return new NodeSum(this.#memory, slots, this.#cut, node, wanted, false);
    });
  }

  /** All of a sum has gone. */
  done(sum: NodeSum): void {
    if (sum === this.#spareOf) this.#spareOf = undefined;
  }
}

/** One node's gradient sum: slices of it are complete while others are on their way. */
export class NodeSum implements GradientSink {
  readonly node: TreeNode;
  readonly #sum: SlicedSum;
  readonly #complete = new Map<number, Float32Array>();

  /** @param isCopied are the slices that are complete copied out of the slots */
  constructor(
    memory: KernelMemory,
    slots: readonly Float32Array[],
    cut: Slices,
    node: TreeNode,
    wanted: ReadonlySet<number>,
    isCopied: boolean,
  ) {
    this.node = node;
    this.#sum = new SlicedSum(memory.kernel, slots, cut);
    this.#sum.start(node, wanted);
    this.#sum.follow((slice, { gradient, addend }) => {
      if (addend) memory.kernel.add(gradient, addend);
      this.#complete.set(slice, isCopied ? gradient.slice() : gradient);
    });
  }

  /** Is it a part of this sum? */
  has({ from, to }: TreeNode): boolean {
    return this.node.from <= from && to <= this.node.to;
  }

  add(node: TreeNode, gradient: Float32Array): void {
    this.#sum.add(node, gradient, []);
  }

  addSlice(node: TreeNode, slice: number, values: Float32Array): void {
    this.#sum.addSlice(node, slice, values);
  }

  /** A slice, once it is complete: good until the sums are freed. */
  slice(number: number): Float32Array | undefined {
    return this.#complete.get(number);
  }
}
