import { availableParallelism } from 'node:os';
import { Optimizer, optimizerArrays } from '../coordinator/optimizer.js';
import { TreeSum } from '../coordinator/treeSum.js';
import { RunError } from '../shared/errors.js';
import { type Halves, lossScaleOf, openHalves } from '../shared/half/half.js';
import { worthHelping } from '../shared/kernel/crew.js';
import { openKernel } from '../shared/kernel/kernel.js';
import type { Arena } from '../shared/memory/arena.js';
import { SharedMemory } from '../shared/memory/sharedMemory.js';
import { treeDepth } from '../shared/tree.js';
import { maxArrays } from '../shared/wasm.js';
import type { PreparedRun } from './prepare.js';

/** Sums of tree nodes that stand in the kernel's memory at once, at most and at least; see TreeSum. */
const sumSlots = 4;
const fewestSlots = 2;
/** Of the optimizer's arrays, those that stand in shared memory where there is some. */
const weightArrays = 2;
/** Beyond these, threads wait for the same memory. */
const mostThreads = 4;

export interface TrainingState {
  readonly optimizer: Optimizer;
  /** How weights and gradients go in 16 bits, if they do. */
  readonly compression: { readonly halves: Halves; readonly lossScale: number } | undefined;
  /** The weights as workers are to have them, until the call after the next. */
  forWorkers(weights: Float32Array): Float32Array;
  readonly sum: TreeSum;
  /** Memory shared with workers: weights and gradients are in it. */
  readonly shared: { readonly memory: SharedMemory; readonly arena: Arena } | undefined;
  close(): void;
}

/**
 * All large arrays of a coordinator, in one kernel's memory: weights, moments and the slots of the gradient's sum.
 * @param shares share memory with the workers, where the config and the machine allow it; else the run says why not
 * @throws RunError where they do not fit
 */
export function openTrainingState(prepared: PreparedRun, shares: boolean, notice: (line: string) => void): TrainingState {
  const memory = shares ? shareMemory(prepared, notice) : undefined;
  try {
    return stateIn(prepared, memory);
  } catch (error) {
    memory?.close();
    throw error;
  }
}

function stateIn({ plan: { config, network }, weights }: PreparedRun, memory: SharedMemory | undefined): TrainingState {
  const size = weights.length;
  const format = config.compression === 'none' ? undefined : config.compression;
  // The weights that workers are to have are the optimizer's own, or rounded ones beside them.
  const arrays = memory && !format ? optimizerArrays - weightArrays : optimizerArrays;
  const slots = Math.min(sumSlots, maxArrays(size, memory?.bytes) - arrays);
  if (slots < fewestSlots) throw new RunError(`${size} parameters need more than the 4 GiB that the coordinator's kernel can address`);
  const lengths = new Array<number>(arrays + slots).fill(size);
  const kernel = openKernel({ lengths, areaBytes: memory?.bytes, helpers: helpersFor(size) });
  const shared = memory && { memory, arena: memory.open(kernel.area) };
  const optimizer = new Optimizer(config.optimizer, network.layout, kernel, format ? undefined : shared?.arena.weights);
  optimizer.setWeights(weights);
  const sum = new TreeSum(
    kernel.kernel,
    Array.from({ length: slots }, () => kernel.allocate(size)),
  );
  const compression = format && { halves: openHalves(format), lossScale: lossScaleOf(format) };
  const forWorkers = compression
    ? rounded(compression.halves, shared?.arena.weights ?? [new Float32Array(size), new Float32Array(size)])
    : same;
  const close = (): void => {
    kernel.close();
    memory?.close();
  };
  return { optimizer, sum, shared, compression, forWorkers, close };
}

/** Threads that help with the passes over the gradient: its memory feeds no more, and short ones are not worth waking them. */
function helpersFor(parameters: number): number {
  return parameters < worthHelping ? 0 : Math.min(mostThreads, availableParallelism()) - 1;
}

const same = (weights: Float32Array): Float32Array => weights;

/** Rounds weights into arrays that take turns, since the last ones may still be on their way. */
function rounded(halves: Halves, arrays: readonly Float32Array[]): (weights: Float32Array) => Float32Array {
  let turn = 0;
  return (weights) => {
    turn = (turn + 1) % arrays.length;
    const into = arrays[turn];
    if (!into) throw new RangeError('there is no array for the rounded weights');
    halves.round(weights, into, 1);
    return into;
  };
}

function shareMemory({ plan: { config, network } }: PreparedRun, notice: (line: string) => void): SharedMemory | undefined {
  if (config.transport === 'socket') return undefined;
  const { size } = network.layout;
  // What each side must have beside it.
  const own = Math.max(optimizerArrays - (config.compression === 'none' ? weightArrays : 0) + fewestSlots, treeDepth(config.shards));
  const shape = { parameters: size, workers: config.workers, shards: config.shards, metrics: config.metrics.length };
  try {
    return SharedMemory.create(shape, own);
  } catch (error) {
    if (!(error instanceof RunError) || config.transport === 'shm') throw error;
    notice(`no memory is shared with the workers (${error.message}): weights and gradients go over sockets`);
    return undefined;
  }
}
