import { type Slices, slicesOf } from '../shared/model/slices.js';
import { type Halves, openHalves } from '../shared/numbers/half/half.js';
import { worthHelping } from '../shared/numbers/kernel/crew.js';
import { openKernel } from '../shared/numbers/kernel/kernel.js';
import { maxArrays } from '../shared/numbers/wasm.js';
import { usableCores } from '../shared/system/controlGroup.js';
import { RunError } from '../shared/text/errors.js';
import type { Arena } from '../step/memory/arena.js';
import { memoryToShare, type SharedMemory } from '../step/memory/sharedMemory.js';
import { WeightsOut } from '../step/messages/weightsOut.js';
import { treeDepth } from '../step/tree.js';
import { clips, Optimizer, optimizerArrays } from '../step/update/optimizer.js';
import { SlicedSum, type Timing } from '../step/update/treeSum.js';
import type { PreparedRun } from './prepareRun.js';

/** Sums of tree nodes that stand in the kernel's memory at once, at most and at least; see TreeSum. */
const sumSlots = 4;
const fewestSlots = 2;
/** Of the optimizer's arrays, those that stand in shared memory where there is some. */
const weightArrays = 2;
/** Beyond these, threads wait for the same memory. */
const mostThreads = 4;

export interface CoordinatorArrays {
  readonly optimizer: Optimizer;
  readonly slices: Slices;
  /** How tensors go in 16 bits, if they do. */
  readonly halves: Halves | undefined;
  readonly weightsOut: WeightsOut;
  readonly sum: SlicedSum;
  /** Memory shared with workers: weights and gradients are in it. */
  readonly shared: { readonly memory: SharedMemory; readonly arena: Arena } | undefined;
  close(): void;
}

/**
 * All large arrays of a coordinator, in one kernel's memory: weights, moments and the slots of the gradient's sum.
 * @param timing keeps the time of adding gradients up, and of the optimizer's passes
 * @param shares share memory with the workers, where the config and the machine allow it; else the run says why not
 * @throws RunError where they do not fit
 */
export function openCoordinatorArrays(
  prepared: PreparedRun,
  timing: { readonly adding: Timing; readonly updating: Timing },
  shares: boolean,
  notice: (line: string) => void,
): CoordinatorArrays {
  const memory = shares ? shareMemory(prepared, notice) : undefined;
  try {
    return arraysIn(prepared, timing, memory);
  } catch (error) {
    memory?.close();
    throw error;
  }
}

function arraysIn(
  { plan: { config, network }, weights }: PreparedRun,
  { adding, updating }: { readonly adding: Timing; readonly updating: Timing },
  memory: SharedMemory | undefined,
): CoordinatorArrays {
  const size = weights.length;
  const slices = slicesOf(size, memory !== undefined);
  const format = config.compression === 'none' ? undefined : config.compression;
  const most = maxArrays(size, memory?.bytes);
  // Over sockets the gradient comes in slices, and they are moved as they come.
  const keepsMoments = slices.length > 1 && most >= optimizerArrays(true) + fewestSlots;
  // The weights that workers are to have are the optimizer's own, or rounded ones beside them.
  const arrays = optimizerArrays(keepsMoments) - (memory && !format ? weightArrays : 0);
  const slotCount = Math.min(sumSlots, most - arrays);
  if (slotCount < fewestSlots) throw new RunError(`${size} parameters need more than the 4 GiB that the coordinator's kernel can address`);
  const lengths = new Array<number>(arrays + slotCount).fill(size);
  const kernel = openKernel({
    lengths,
    areaBytes: memory?.bytes,
    helpers: helpersFor(clips(config.optimizer) ? size : (slices[0]?.size ?? size)),
  });
  try {
    const shared = memory && { memory, arena: memory.open(kernel.area) };
    const slots = Array.from({ length: slotCount }, () => kernel.allocate(size));
    const sum = new SlicedSum(kernel.kernel, slots, slices, adding);
    const optimizer = new Optimizer(config.optimizer, network.layout, kernel, {
      ...{ slices, keepsMoments, source: sum, timing: updating },
      weights: format ? undefined : shared?.arena.weights,
    });
    optimizer.setWeights(weights);
    const halves = format && openHalves(format);
    const rounding = halves && { halves, arrays: shared?.arena.weights ?? [new Float32Array(size), new Float32Array(size)] };
    return {
      ...{ optimizer, slices, halves, shared, sum },
      weightsOut: new WeightsOut(slices, rounding),
      close() {
        kernel.close();
        memory?.close();
      },
    };
  } catch (error) {
    kernel.close();
    throw error;
  }
}

/** Threads that help with the passes over the gradient: its memory feeds no more, and short ones are not worth waking them. */
function helpersFor(longestPass: number): number {
  return longestPass < worthHelping ? 0 : Math.min(mostThreads, usableCores()) - 1;
}

function shareMemory({ plan: { config, network } }: PreparedRun, notice: (line: string) => void): SharedMemory | undefined {
  const { size } = network.layout;
  // What each side must have beside it.
  const own = Math.max(optimizerArrays(false) - (config.compression === 'none' ? weightArrays : 0) + fewestSlots, treeDepth(config.shards));
  return memoryToShare(config, { parameters: size, workers: config.workers }, own, (error) => {
    if (!(error instanceof RunError) || config.transport === 'shm') throw error;
    notice(`no memory is shared with the workers (${error.message}): weights and gradients go over sockets`);
  });
}
