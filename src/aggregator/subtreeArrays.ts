import type { Config } from '../shared/config/configSchema.js';
import { buildNetwork } from '../shared/model/network.js';
import { cut, type Slices } from '../shared/model/slices.js';
import { type Halves, openHalves } from '../shared/numbers/half/half.js';
import { type KernelMemory, openKernel } from '../shared/numbers/kernel/kernel.js';
import { maxArrays } from '../shared/numbers/wasm.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import type { Arena } from '../step/memory/arena.js';
import { memoryToShare, type SharedMemory } from '../step/memory/sharedMemory.js';
import { WeightsIn } from '../step/messages/weightsIn.js';
import { WeightsOut } from '../step/messages/weightsOut.js';
import { treeDepth } from '../step/tree.js';

/** Arrays in which sums are added up, at most and at least; those that are never used take no memory. */
const mostSlots = 16;
const fewestSlots = 4;
/** Weights that take turns: the next ones come while some below still read the last. */
const weightArrays = 2;

/** All large arrays of an aggregator. */
export interface SubtreeArrays {
  readonly slices: Slices;
  readonly weights: WeightsIn;
  readonly weightsOut: WeightsOut;
  /** How tensors go in 16 bits, if they do. */
  readonly halves: Halves | undefined;
  readonly kernel: KernelMemory;
  readonly slots: readonly Float32Array[];
  /** Memory shared with workers of the same machine: weights and gradients are in it. */
  readonly shared: { readonly memory: SharedMemory; readonly arena: Arena } | undefined;
  close(): void;
}

/**
 * @param channels workers that may share its memory
 * @throws RunError where it does not fit
 */
export function openSubtreeArrays(config: Config, sliceSize: number, channels: number, say: (line: string) => void): SubtreeArrays {
  const { size } = buildNetwork(config.model).layout;
  const slices = cut(size, sliceSize);
  const own = weightArrays + fewestSlots + treeDepth(config.shards);
  const memory = memoryToShare(config, { parameters: size, workers: channels }, own, (error) =>
    say(`no memory is shared with workers of this machine (${errorMessage(error)}): weights and gradients go over sockets`),
  );
  try {
    const format = config.compression === 'none' ? undefined : config.compression;
    const ownWeights = memory && !format ? 0 : weightArrays;
    const count = Math.min(mostSlots, maxArrays(size, memory?.bytes) - ownWeights);
    if (count < fewestSlots) throw new RunError(`${size} parameters need more than the 4 GiB of one aggregator`);
    const kernel = openKernel({ lengths: new Array<number>(ownWeights + count).fill(size), areaBytes: memory?.bytes });
    const shared = memory && { memory, arena: memory.open(kernel.area) };
    const own = Array.from({ length: ownWeights }, () => kernel.allocate(size));
    const halves = format && openHalves(format);
    // What has been rounded already stays as it is when it is rounded for those below.
    const rounding = halves && { halves, arrays: shared?.arena.weights ?? [new Float32Array(size), new Float32Array(size)] };
    return {
      ...{ slices, halves, kernel, shared },
      weights: new WeightsIn(slices, format ? own : (shared?.arena.weights ?? own)),
      weightsOut: new WeightsOut(slices, rounding),
      slots: Array.from({ length: count }, () => kernel.allocate(size)),
      close() {
        kernel.close();
        memory?.close();
      },
    };
  } catch (error) {
    memory?.close();
    throw error;
  }
}
