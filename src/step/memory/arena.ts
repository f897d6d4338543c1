import { allocationBytes } from '../../shared/numbers/wasm.js';
import { coveringNodes } from '../tree.js';
import { Channel, channelBytes } from './channel.js';

/**
 * The memory that a coordinator and the workers it started share: weights once for all, gradients where the coordinator
 * reads them, and for each worker two mailboxes, for what is asked of it and for its answers. Everyone works the same
 * layout out from the same few numbers.
 */
export interface ArenaShape {
  /** Values in all weights. */
  readonly parameters: number;
  /** Workers that the coordinator starts. */
  readonly workers: number;
  readonly shards: number;
  /** Metrics of each shard. */
  readonly metrics: number;
}

/** Half of what a WebAssembly memory can hold: the other half is for arrays of one process. */
export const mostArenaBytes = 2 ** 31;
/** Arrays of weights, which take turns. */
const weightArrays = 2;
const line = 64;
/** Words on cache lines of their own, before the weights. */
const words = 2;
const page = 65_536;

function arrayBytes({ parameters }: ArenaShape): number {
  return allocationBytes(parameters);
}

/**
 * Gradients that a worker can leave at once: as many as the tree has nodes over its part of the shards, or fewer where
 * they would take too much memory. What goes beyond is sent as a message.
 */
function gradientsPerWorker(shape: ArenaShape): number {
  const { shards, workers } = shape;
  const edge = (worker: number): number => Math.floor((worker * shards) / workers);
  const nodes = Array.from({ length: workers }, (_, worker) => coveringNodes(edge(worker), edge(worker + 1), shards).length);
  let gradients = Math.max(1, ...nodes);
  while (gradients > 1 && bytesWith(gradients, shape) > mostArenaBytes) gradients--;
  return gradients;
}

function workerBytes(gradients: number, shape: ArenaShape): number {
  return channelBytes(shape) + gradients * arrayBytes(shape);
}

function bytesWith(gradients: number, shape: ArenaShape): number {
  return Math.ceil((words * line + weightArrays * arrayBytes(shape) + shape.workers * workerBytes(gradients, shape)) / page) * page;
}

/** Bytes of the whole, a multiple of any system's page. */
export function arenaBytes(shape: ArenaShape): number {
  return bytesWith(gradientsPerWorker(shape), shape);
}

/** The arena as it stands in a process's memory. */
export class Arena {
  /** Counts the times that something was asked: the word at which all workers sleep. */
  readonly calls: Int32Array;
  /** Counts the answers of all workers: the word at which the coordinator sleeps. */
  readonly arrivals: Int32Array;
  readonly weights: readonly Float32Array[];
  readonly channels: readonly Channel[];

  /** @param area where the shared pages are */
  constructor({ buffer, byteOffset }: Uint8Array, shape: ArenaShape) {
    this.calls = new Int32Array(buffer, byteOffset, 1);
    this.arrivals = new Int32Array(buffer, byteOffset + line, 1);
    const weightsAt = byteOffset + words * line;
    this.weights = Array.from(
      { length: weightArrays },
      (_, i) => new Float32Array(buffer, weightsAt + i * arrayBytes(shape), shape.parameters),
    );
    const workersAt = weightsAt + weightArrays * arrayBytes(shape);
    const count = gradientsPerWorker(shape);
    const each = workerBytes(count, shape);
    this.channels = Array.from({ length: shape.workers }, (_, i) => {
      const start = workersAt + i * each;
      const gradientAt = (gradient: number): number => start + channelBytes(shape) + gradient * arrayBytes(shape);
      const gradients = Array.from({ length: count }, (_, gradient) => new Float32Array(buffer, gradientAt(gradient), shape.parameters));
      return new Channel(buffer, start, shape, gradients);
    });
  }
}
