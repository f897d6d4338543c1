import { Optimizer, optimizerArrays } from '../coordinator/optimizer.js';
import { TreeSum } from '../coordinator/treeSum.js';
import { RunError } from '../shared/errors.js';
import { maxArrays, openKernel } from '../shared/kernel/kernel.js';
import type { Arena } from '../shared/memory/arena.js';
import type { SharedMemory } from '../shared/memory/sharedMemory.js';
import type { PreparedRun } from './prepare.js';

/** Most sums of tree nodes that stand in the kernel's memory at once; see TreeSum. */
const sumSlots = 4;

export interface TrainingState {
  readonly optimizer: Optimizer;
  readonly sum: TreeSum;
  /** The memory shared with workers, in the kernel's. */
  readonly arena: Arena | undefined;
}

/**
 * All large arrays of a coordinator, in one kernel's memory: weights, moments and the slots of the gradient's sum.
 * @param shared pages to be shared with workers, where weights and gradients then are
 * @throws RunError where they do not fit
 */
export function openTrainingState({ plan, weights }: PreparedRun, shared?: SharedMemory): TrainingState {
  const size = weights.length;
  const slots = Math.min(sumSlots, maxArrays(size, shared?.bytes) - optimizerArrays);
  if (slots < 2) throw new RunError(`${size} parameters need more than the 4 GiB that the coordinator's kernel can address`);
  const memory = openKernel(new Array<number>(optimizerArrays + slots).fill(size), shared?.bytes);
  const arena = shared?.open(memory.area);
  const optimizer = new Optimizer(plan.config.optimizer, plan.network.layout, memory, arena?.weights);
  optimizer.setWeights(weights);
  const sum = new TreeSum(
    memory.kernel,
    Array.from({ length: slots }, () => memory.allocate(size)),
  );
  return { optimizer, sum, arena };
}
