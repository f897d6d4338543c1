import { viewOf } from '../../shared/model/layout.js';
import type { Slices } from '../../shared/model/slices.js';
import type { Kernel } from '../../shared/numbers/kernel/kernel.js';
import type { GradientSink } from '../stepPort.js';
import type { TreeNode } from '../tree.js';
import { type NodeName, nameOf, TreePlan } from '../treePlan.js';

/** A gradient sum in the kernel's memory, whose last addition may be left to whoever reads it. */
export interface GradientSum {
  readonly gradient: Float32Array;
  /** To be added to it. */
  readonly addend?: Float32Array | undefined;
}

/** A slice whose sum is complete. */
export interface SliceSum {
  readonly slice: number;
  readonly sum: GradientSum;
}

/** A node, its array, and a number that no value of it exceeds in magnitude. */
interface Summand {
  readonly node: TreeNode;
  readonly values: Float32Array;
  readonly bound: number;
}

/** Rounding may take a sum of float32 numbers a little above what their bounds add up to. */
const largestBound = 3.4e38;

/**
 * Adds the arrays of tree nodes up in the tree's fixed order as they arrive, in whatever order they arrive.
 * Sums stand where one of their parts does, if that is in the kernel's memory already (a worker on the same machine may
 * have put it there), else in a few slots of it; what does not fit there waits outside.
 */
export class TreeSum {
  readonly #kernel: Kernel;
  readonly #slots: readonly Float32Array[];
  #free: Float32Array[];
  #plan = new TreePlan({ from: 0, to: 1 }, new Set());
  readonly #arrived = new Map<NodeName, Summand>();
  /** Of the root, once it has been added up. */
  #isFinite: boolean | undefined;
  /** What is still to be added to the root. */
  #addend: Float32Array | undefined;

  /** @param slots at least two arrays in the kernel's memory */
  constructor(kernel: Kernel, slots: readonly Float32Array[]) {
    this.#kernel = kernel;
    this.#slots = slots;
    this.#free = [...slots];
  }

  /** Starts a sum. */
  start(plan: TreePlan): void {
    this.#free = [...this.#slots];
    this.#arrived.clear();
    this.#isFinite = undefined;
    this.#addend = undefined;
    this.#plan = plan;
  }

  /**
   * Takes the sum of one node. An array outside the kernel's memory is not changed; one within it may hold the result.
   * A node may come again, alone or within another, after the worker that gave it first is gone: it has the same bits.
   * @param bound what no value of it exceeds in magnitude, as its worker says: believed only of one that shares the memory
   */
  add(node: TreeNode, values: Float32Array, bound = Number.POSITIVE_INFINITY): void {
    const name = this.#plan.find(node);
    if (this.#isCovered(name)) return;
    this.#dropWithin(node);
    this.#take(name, { node, values, bound: this.#isInside(values) ? bound : Number.POSITIVE_INFINITY });
  }

  /** Have all nodes come? */
  get isComplete(): boolean {
    return this.#arrived.has(this.#plan.root);
  }

  /** The sum over all shards, once every node has come; it is good until the next start. */
  result(): GradientSum & { readonly isFinite: boolean } {
    const sum = this.#arrived.get(this.#plan.root);
    if (!sum) throw new RangeError('the sum is not complete');
    const gradient = this.#isInside(sum.values) ? sum.values : this.#inSlot(sum.values);
    this.#arrived.set(this.#plan.root, { ...sum, values: gradient });
    // Where one node covered the whole tree nothing has been added yet.
    this.#isFinite ??= this.#kernel.isFinite(gradient);
    return { gradient, addend: this.#addend, isFinite: this.#isFinite };
  }

  /** Has this node come, or one that it is a part of? */
  #isCovered(name: NodeName): boolean {
    for (let at: NodeName | undefined = name; at !== undefined; ) {
      if (this.#arrived.has(at)) return true;
      const parent = this.#plan.parentOf(at);
      at = parent && nameOf(parent.node);
    }
    return false;
  }

  /** What has come of a node's parts is in the node as well. */
  #dropWithin({ from, to }: TreeNode): void {
    for (const [name, { node, values }] of this.#arrived) {
      if (node.from < from || node.to > to) continue;
      this.#arrived.delete(name);
      this.#release(values);
    }
  }

  #take(child: NodeName, summand: Summand): void {
    const { values, bound } = summand;
    const parent = this.#plan.parentOf(child);
    const sibling = parent && this.#arrived.get(parent.sibling);
    if (!parent || !sibling) {
      this.#arrived.set(child, summand);
      return;
    }
    this.#arrived.delete(parent.sibling);
    const sum = this.#isInside(sibling.values) ? sibling.values : this.#inSlot(sibling.values);
    const other = this.#isInside(values) ? values : this.#inSlot(values);
    const sumBound = bound + sibling.bound;
    const name = nameOf(parent.node);
    if (name === this.#plan.root) this.#finish(sum, other, sumBound);
    else {
      this.#kernel.add(sum, other);
      this.#release(other);
    }
    // Two free slots are what the next addition may need.
    const mayStay = this.#free.length >= 2 || name === this.#plan.root || !this.#slots.includes(sum);
    this.#take(name, { node: parent.node, values: mayStay ? sum : this.#outside(sum), bound: sumBound });
  }

  /** The last addition is done only where it must tell whether the sum is finite: whoever reads the sum can add as well. */
  #finish(sum: Float32Array, other: Float32Array, bound: number): void {
    if (bound <= largestBound) {
      this.#isFinite = true;
      this.#addend = other;
    } else {
      this.#isFinite = this.#kernel.add(sum, other);
    }
  }

  #isInside(values: Float32Array): boolean {
    return values.buffer === this.#slots[0]?.buffer;
  }

  #release(values: Float32Array): void {
    if (this.#slots.includes(values)) this.#free.push(values);
  }

  #inSlot(values: Float32Array): Float32Array {
    const slot = this.#free.pop();
    if (!slot) throw new RangeError('no slot is free');
    slot.set(values);
    return slot;
  }

  #outside(values: Float32Array): Float32Array {
    this.#free.push(values);
    return values.slice();
  }
}

/** Hears of each slice as soon as its sum is complete. */
export type SliceListener = (slice: number, sum: GradientSum) => void;

/** Keeps the time of work, e.g. a Stopwatch. */
export interface Timing {
  time<T>(work: () => T): T;
}

const untimed: Timing = { time: (work) => work() };

/** A step's gradient sum, slice by slice: one is complete, and may be used, while others are still on their way. */
export class SlicedSum implements GradientSink {
  readonly #slices: Slices;
  readonly #sums: readonly TreeSum[];
  readonly #timing: Timing;
  #listener: SliceListener = () => undefined;
  #scale: number | undefined;
  #plan: TreePlan | undefined;

  /** @param slots at least two arrays in the kernel's memory */
  constructor(kernel: Kernel, slots: readonly Float32Array[], slices: Slices, timing: Timing = untimed) {
    this.#slices = slices;
    this.#timing = timing;
    this.#sums = slices.map((place) => {
      return new TreeSum(
        kernel,
        slots.map((slot) => viewOf(slot, place)),
      );
    });
  }

  /** Tells of every slice that is complete from now on. */
  follow(listener: SliceListener): void {
    this.#listener = listener;
  }

  /**
   * Starts the sum over the shards of a node.
   * @param wanted those that are not empty
   * @param scale what gradients are multiplied with on their way, where their norms are to be believed
   */
  start(root: TreeNode, wanted: ReadonlySet<number>, scale?: number): void {
    this.#scale = scale;
    // Most steps are of one shape.
    if (!this.#plan?.isOf(root, wanted)) this.#plan = new TreePlan(root, wanted);
    for (const sum of this.#sums) sum.start(this.#plan);
  }

  /** Takes the whole sum of one node; as `TreeSum.add`. No value of it exceeds the sum of its shards' norms in magnitude. */
  add(node: TreeNode, gradient: Float32Array, shards: readonly { readonly squaredNorm: number }[]): void {
    const scale = this.#scale;
    const bound = scale && shards.reduce((sum, { squaredNorm }) => sum + Math.sqrt(squaredNorm) * scale, 0);
    for (const [slice, place] of this.#slices.entries()) this.addSlice(node, slice, viewOf(gradient, place), bound);
  }

  addSlice(node: TreeNode, slice: number, values: Float32Array, bound?: number): void {
    const sum = this.#sums[slice];
    if (!sum || sum.isComplete) return;
    this.#timing.time(() => sum.add(node, values, bound));
    if (sum.isComplete) this.#listener(slice, sum.result());
  }

  /** Is every value of the sum a finite number, once every node has come? */
  get isFinite(): boolean {
    return this.#timing.time(() => this.#sums.every((sum) => sum.result().isFinite));
  }

  /** The sums of all slices, once every node has come; they are good until the next start. */
  result(): readonly GradientSum[] {
    return this.#sums.map((sum) => sum.result());
  }
}
