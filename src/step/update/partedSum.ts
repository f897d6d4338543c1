import { viewOf } from '../../shared/model/layout.js';
import type { Partition } from '../../shared/model/slices.js';
import type { Kernel } from '../../shared/numbers/kernel/kernel.js';
import type { TreeNode } from '../tree.js';
import { type GradientSum, TreeSum } from './treeSum.js';

/** A part whose sum is complete. */
export interface PartSum {
  readonly part: number;
  readonly sum: GradientSum;
}

/** A step's gradient sum, part by part: one is complete, and may be used, while others are still on their way. */
export class PartedSum {
  readonly #partition: Partition;
  readonly #sums: readonly TreeSum[];

  /** @param slots at least two arrays in the kernel's memory */
  constructor(kernel: Kernel, slots: readonly Float32Array[], partition: Partition) {
    this.#partition = partition;
    this.#sums = partition.map((place) => {
      return new TreeSum(
        kernel,
        slots.map((slot) => viewOf(slot, place)),
      );
    });
  }

  /** Starts the sum over the shards of a node, of which only the wanted are not empty. */
  start(root: TreeNode, wanted: ReadonlySet<number>): void {
    for (const sum of this.#sums) sum.start(root, wanted);
  }

  /** Takes the whole sum of one node; as `TreeSum.add`. Returns the parts that are complete with it. */
  add(node: TreeNode, values: Float32Array, bound?: number): PartSum[] {
    return this.#partition.flatMap((place, part) => this.addPart(node, part, viewOf(values, place), bound));
  }

  /** Takes a part of the sum of one node. Returns it if it is complete with that. */
  addPart(node: TreeNode, part: number, values: Float32Array, bound?: number): PartSum[] {
    const sum = this.#sums[part];
    if (!sum || sum.isComplete) return [];
    sum.add(node, values, bound);
    return sum.isComplete ? [{ part, sum: sum.result() }] : [];
  }

  /** The sums of all parts, once every node has come; they are good until the next start. */
  result(): { readonly gradient: readonly GradientSum[]; readonly isFinite: boolean } {
    const gradient = this.#sums.map((sum) => sum.result());
    return { gradient, isFinite: gradient.every((sum) => sum.isFinite) };
  }
}
