import { Optimizer, optimizerArrays } from '../coordinator/optimizer.js';
import { TreeSum } from '../coordinator/treeSum.js';
import { RunError } from '../shared/errors.js';
import { maxArrays, openKernel } from '../shared/kernel/kernel.js';
import type { PreparedRun } from './prepare.js';

/** Most sums of tree nodes that stand in the kernel's memory at once; see TreeSum. */
const sumSlots = 4;

/**
 * All large arrays of a coordinator, in one kernel's memory: weights, moments and the slots of the gradient's sum.
 * @throws RunError where they do not fit
 */
export function openTrainingState({ plan, weights }: PreparedRun): { optimizer: Optimizer; sum: TreeSum } {
  const size = weights.length;
  const slots = Math.min(sumSlots, maxArrays(size) - optimizerArrays);
  if (slots < 2) throw new RunError(`${size} parameters need more than the 4 GiB that the coordinator's kernel can address`);
  const memory = openKernel(new Array<number>(optimizerArrays + slots).fill(size));
  const optimizer = new Optimizer(plan.config.optimizer, plan.network.layout, memory);
  optimizer.setWeights(weights);
  const sum = new TreeSum(
    memory.kernel,
    Array.from({ length: slots }, () => memory.allocate(size)),
  );
  return { optimizer, sum };
}
