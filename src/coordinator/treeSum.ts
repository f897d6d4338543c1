import type { Kernel } from '../shared/kernel/kernel.js';
import { childrenOf, type TreeNode } from '../shared/tree.js';

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
  #arrived = new Map<string, Float32Array>();
  #root = '';
  /** Of the root, once it has been added up. */
  #isFinite: boolean | undefined;

  /** @param slots at least two arrays in the kernel's memory */
  constructor(kernel: Kernel, slots: readonly Float32Array[]) {
    this.#kernel = kernel;
    this.#slots = slots;
    this.#free = [...slots];
  }

  /** Starts the sum over `shards` shards, of which only the wanted are not empty. */
  start(shards: number, wanted: ReadonlySet<number>): void {
    this.#free = [...this.#slots];
    this.#arrived.clear();
    this.#isFinite = undefined;
    this.#parent.clear();
    this.#root = this.#link({ from: 0, to: shards }, wanted) ?? '';
  }

  /** Takes the sum of one node. An array outside the kernel's memory is not changed; one within it may hold the result. */
  add(node: TreeNode, values: Float32Array): void {
    this.#take(this.#nameOf(node), values);
  }

  /** The sum over all shards, in the kernel's memory, once every node has come; it is good until the next start. */
  result(): { readonly gradient: Float32Array; readonly isFinite: boolean } {
    const sum = this.#arrived.get(this.#root);
    if (!sum) throw new RangeError('the sum is not complete');
    const gradient = this.#isInside(sum) ? sum : this.#inSlot(sum);
    this.#arrived.set(this.#root, gradient);
    // Where one node covered the whole tree nothing has been added yet.
    this.#isFinite ??= this.#kernel.isFinite(gradient);
    return { gradient, isFinite: this.#isFinite };
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

  #take(child: string, values: Float32Array): void {
    const parent = this.#parent.get(child);
    const sibling = parent && this.#arrived.get(parent.sibling);
    if (!parent || !sibling) {
      this.#arrived.set(child, values);
      return;
    }
    this.#arrived.delete(parent.sibling);
    const sum = this.#isInside(sibling) ? sibling : this.#inSlot(sibling);
    const other = this.#isInside(values) ? values : this.#inSlot(values);
    const staysFinite = this.#kernel.add(sum, other);
    this.#release(other);
    const name = keyOf(parent.node);
    if (name === this.#root) this.#isFinite = staysFinite;
    // Two free slots are what the next addition may need.
    const mayStay = this.#free.length >= 2 || name === this.#root || !this.#slots.includes(sum);
    this.#take(name, mayStay ? sum : this.#outside(sum));
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
