import type { Kernel } from '../../shared/numbers/kernel/kernel.js';
import { childrenOf, type TreeNode } from '../tree.js';

/** A gradient sum in the kernel's memory, whose last addition may be left to whoever reads it. */
export interface GradientSum {
  readonly gradient: Float32Array;
  /** To be added to it. */
  readonly addend?: Float32Array | undefined;
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
  #parent = new Map<string, { node: TreeNode; sibling: string }>();
  #arrived = new Map<string, Summand>();
  #root = '';
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

  /** Starts the sum over the shards of a node, of which only the wanted are not empty. */
  start(root: TreeNode, wanted: ReadonlySet<number>): void {
    this.#free = [...this.#slots];
    this.#arrived.clear();
    this.#isFinite = undefined;
    this.#addend = undefined;
    this.#parent.clear();
    this.#root = this.#link(root, wanted) ?? '';
  }

  /**
   * Takes the sum of one node. An array outside the kernel's memory is not changed; one within it may hold the result.
   * A node may come again, alone or within another, after the worker that gave it first is gone: it has the same bits.
   * @param bound what no value of it exceeds in magnitude, as its worker says: believed only of one that shares the memory
   */
  add(node: TreeNode, values: Float32Array, bound = Number.POSITIVE_INFINITY): void {
    const name = this.#nameOf(node);
    if (this.#isCovered(name)) return;
    this.#dropWithin(node);
    this.#take(name, { node, values, bound: this.#isInside(values) ? bound : Number.POSITIVE_INFINITY });
  }

  /** Have all nodes come? */
  get isComplete(): boolean {
    return this.#arrived.has(this.#root);
  }

  /** The sum over all shards, once every node has come; it is good until the next start. */
  result(): GradientSum & { readonly isFinite: boolean } {
    const sum = this.#arrived.get(this.#root);
    if (!sum) throw new RangeError('the sum is not complete');
    const gradient = this.#isInside(sum.values) ? sum.values : this.#inSlot(sum.values);
    this.#arrived.set(this.#root, { ...sum, values: gradient });
    // Where one node covered the whole tree nothing has been added yet.
    this.#isFinite ??= this.#kernel.isFinite(gradient);
    return { gradient, addend: this.#addend, isFinite: this.#isFinite };
  }

  /**
   * Notes parent and sibling of every node that is not empty. A node with one empty half is the same as its other
   * half, so that it never needs adding.
   */
  #link(node: TreeNode, wanted: ReadonlySet<number>): string | undefined {
    if (node.to - node.from === 1) return wanted.has(node.from) ? keyOf(node) : undefined;
    const [left, right] = childrenOf(node).map((child) => this.#link(child, wanted));
    if (left === undefined || right === undefined) return left ?? right;
    this.#parent.set(left, { node, sibling: right });
    this.#parent.set(right, { node, sibling: left });
    return keyOf(node);
  }

  /** A node may come under the name of one whose other half is empty: follow it down to the one that counts. */
  #nameOf(node: TreeNode): string {
    const name = keyOf(node);
    if (this.#parent.has(name) || name === this.#root) return name;
    for (const child of node.to - node.from > 1 ? childrenOf(node) : []) {
      const inner = this.#nameOf(child);
      if (inner !== '') return inner;
    }
    return '';
  }

  /** Has this node come, or one that it is a part of? */
  #isCovered(name: string): boolean {
    for (let at: string | undefined = name; at !== undefined; ) {
      if (this.#arrived.has(at)) return true;
      const parent = this.#parent.get(at);
      at = parent && keyOf(parent.node);
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

  #take(child: string, summand: Summand): void {
    const { values, bound } = summand;
    const parent = this.#parent.get(child);
    const sibling = parent && this.#arrived.get(parent.sibling);
    if (!parent || !sibling) {
      this.#arrived.set(child, summand);
      return;
    }
    this.#arrived.delete(parent.sibling);
    const sum = this.#isInside(sibling.values) ? sibling.values : this.#inSlot(sibling.values);
    const other = this.#isInside(values) ? values : this.#inSlot(values);
    const sumBound = bound + sibling.bound;
    const name = keyOf(parent.node);
    if (name === this.#root) this.#finish(sum, other, sumBound);
    else {
      this.#kernel.add(sum, other);
      this.#release(other);
    }
    // Two free slots are what the next addition may need.
    const mayStay = this.#free.length >= 2 || name === this.#root || !this.#slots.includes(sum);
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

function keyOf({ from, to }: TreeNode): string {
  return `${from}-${to}`;
}
