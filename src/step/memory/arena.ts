import { allocationBytes } from '../../shared/numbers/wasm.js';
import type { PartSums } from '../../shared/protocol/protocol.js';
import { coveringNodes, type TreeNode } from '../tree.js';
import { Mailbox, mailboxBytes } from './mailbox.js';

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
/** Nodes of one request. What goes beyond is asked for by a message. */
const maxNodes = 16;
const requestHead = 7;
const answerHead = 7;
const sumsHead = 3;
const line = 64;
/** Words on cache lines of their own, before the weights. */
const words = 2;
const page = 65_536;

function requestLength(): number {
  return requestHead + 2 * maxNodes;
}

function answerLength({ shards, metrics }: ArenaShape): number {
  return answerHead + shards * (sumsHead + metrics);
}

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
  return mailboxBytes(requestLength()) + mailboxBytes(answerLength(shape)) + gradients * arrayBytes(shape);
}

function bytesWith(gradients: number, shape: ArenaShape): number {
  return Math.ceil((words * line + weightArrays * arrayBytes(shape) + shape.workers * workerBytes(gradients, shape)) / page) * page;
}

/** Bytes of the whole, a multiple of any system's page. */
export function arenaBytes(shape: ArenaShape): number {
  return bytesWith(gradientsPerWorker(shape), shape);
}

/** A step, as it is asked of a worker. */
export interface StepRequest {
  readonly work: number;
  readonly step: number;
  readonly epoch: number;
  /** Positions [from, to) of the epoch's order. */
  readonly batch: readonly [number, number];
  /** Which of the arena's arrays of weights to use. */
  readonly weights: number;
  readonly nodes: readonly TreeNode[];
}

/** A node's gradient, as a worker answers it. */
export interface StepAnswer {
  readonly work: number;
  readonly node: TreeNode;
  /** When it began, in milliseconds of the worker's own clock. */
  readonly startedAt: number;
  readonly computeMs: number;
  /** Which of the worker's arrays the gradient is in. */
  readonly gradient: number;
  readonly shards: readonly PartSums[];
}

/** What one worker and the coordinator say to each other. */
export class Channel {
  readonly requests: Mailbox;
  readonly answers: Mailbox;
  /** Where the worker leaves its gradients. */
  readonly gradients: readonly Float32Array[];
  readonly #metrics: number;

  constructor(memory: ArrayBufferLike, offset: number, shape: ArenaShape) {
    this.requests = new Mailbox(memory, offset, requestLength());
    const answersAt = offset + mailboxBytes(requestLength());
    this.answers = new Mailbox(memory, answersAt, answerLength(shape));
    const gradientsAt = answersAt + mailboxBytes(answerLength(shape));
    this.gradients = Array.from(
      { length: gradientsPerWorker(shape) },
      (_, i) => new Float32Array(memory, gradientsAt + i * arrayBytes(shape), shape.parameters),
    );
    this.#metrics = shape.metrics;
  }

  /** Says false where it does not fit. */
  ask({ work, step, epoch, batch, weights, nodes }: StepRequest): boolean {
    if (nodes.length > maxNodes) return false;
    return this.requests.post((record) => {
      record.set([work, step, epoch, batch[0], batch[1], weights, nodes.length]);
      for (const [i, { from, to }] of nodes.entries()) record.set([from, to], requestHead + 2 * i);
    });
  }

  takeRequest(): StepRequest | undefined {
    return this.requests.take((record) => {
      const [work = 0, step = 0, epoch = 0, from = 0, to = 0, weights = 0, count = 0] = record;
      const node = (i: number): TreeNode => ({ from: record[requestHead + 2 * i] ?? 0, to: record[requestHead + 2 * i + 1] ?? 0 });
      return { work, step, epoch, batch: [from, to], weights, nodes: Array.from({ length: count }, (_, i) => node(i)) };
    });
  }

  answer({ work, node, startedAt, computeMs, gradient, shards }: StepAnswer): boolean {
    return this.answers.post((record) => {
      record.set([work, node.from, node.to, startedAt, computeMs, gradient, shards.length]);
      const length = sumsHead + this.#metrics;
      for (const [i, { count, loss, squaredNorm, metrics }] of shards.entries()) {
        record.set([count, loss, squaredNorm, ...metrics], answerHead + i * length);
      }
    });
  }

  takeAnswer(): StepAnswer | undefined {
    return this.answers.take((record) => {
      const [work = 0, from = 0, to = 0, startedAt = 0, computeMs = 0, gradient = 0, count = 0] = record;
      return {
        work,
        node: { from, to },
        startedAt,
        computeMs,
        gradient,
        shards: Array.from({ length: count }, (_, i) => this.#sums(record, i)),
      };
    });
  }

  #sums(record: Float64Array, shard: number): PartSums {
    const start = answerHead + shard * (sumsHead + this.#metrics);
    const [count = 0, loss = 0, squaredNorm = 0, ...metrics] = record.subarray(start, start + sumsHead + this.#metrics);
    return { count, loss, squaredNorm, metrics };
  }
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
    const each = workerBytes(gradientsPerWorker(shape), shape);
    this.channels = Array.from({ length: shape.workers }, (_, i) => new Channel(buffer, workersAt + i * each, shape));
  }
}
