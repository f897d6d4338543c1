import type { UnitSums } from '../../shared/protocol/protocol.js';
import type { NodeAnswer, StepRequest } from '../stepPort.js';
import type { TreeNode } from '../tree.js';

/** Nodes of one request. What goes beyond is asked for by a message. */
const maxNodes = 16;
const requestHead = 7;
const answerHead = 7;
const sumsHead = 3;
const line = 64;
/** Records that may wait to be read; a power of two, so that counts may wrap. */
const capacity = 16;

/** Numbers that an answer can have. */
export interface AnswerShape {
  readonly shards: number;
  /** Metrics of each shard. */
  readonly metrics: number;
}

/** Bytes of the two mailboxes of a channel. */
export function channelBytes(shape: AnswerShape): number {
  return mailboxBytes(requestLength()) + mailboxBytes(answerLength(shape));
}

function requestLength(): number {
  return requestHead + 2 * maxNodes;
}

function answerLength({ shards, metrics }: AnswerShape): number {
  return answerHead + shards * (sumsHead + metrics);
}

/** A step, as it is asked of a worker that shares memory. */
export interface MemoryRequest extends StepRequest {
  /** Which of the arena's arrays of weights to use. */
  readonly weights: number;
}

/** A node's gradient, as such a worker answers it. */
export interface MemoryAnswer extends NodeAnswer {
  /** Which of the worker's arrays the gradient is in. */
  readonly gradient: number;
}

/** What one worker and the coordinator say to each other. */
export class Channel {
  readonly requests: Mailbox;
  readonly answers: Mailbox;
  /** Where the worker leaves its gradients. */
  readonly gradients: readonly Float32Array[];
  readonly #metrics: number;

  /** @param offset start of `channelBytes` bytes, on a cache line */
  constructor(memory: ArrayBufferLike, offset: number, shape: AnswerShape, gradients: readonly Float32Array[]) {
    this.requests = new Mailbox(memory, offset, requestLength());
    this.answers = new Mailbox(memory, offset + mailboxBytes(requestLength()), answerLength(shape));
    this.gradients = gradients;
    this.#metrics = shape.metrics;
  }

  /** Says false where it does not fit. */
  ask({ work, batch, weights, nodes }: MemoryRequest): boolean {
    if (nodes.length > maxNodes) return false;
    const { step, epoch, from, to } = batch;
    return this.requests.post((record) => {
      record.set([work, step, epoch, from, to, weights, nodes.length]);
      for (const [i, node] of nodes.entries()) record.set([node.from, node.to], requestHead + 2 * i);
    });
  }

  takeRequest(): MemoryRequest | undefined {
    return this.requests.take((record) => {
      const [work = 0, step = 0, epoch = 0, from = 0, to = 0, weights = 0, count = 0] = record;
      const node = (i: number): TreeNode => ({ from: record[requestHead + 2 * i] ?? 0, to: record[requestHead + 2 * i + 1] ?? 0 });
      return { work, batch: { step, epoch, from, to }, weights, nodes: Array.from({ length: count }, (_, i) => node(i)) };
    });
  }

  answer({ work, node, startedAt, computeMs, gradient, shards }: MemoryAnswer): boolean {
    return this.answers.post((record) => {
      record.set([work, node.from, node.to, startedAt, computeMs, gradient, shards.length]);
      const length = sumsHead + this.#metrics;
      for (const [i, { count, loss, squaredNorm, metrics }] of shards.entries()) {
        record.set([count, loss, squaredNorm, ...metrics], answerHead + i * length);
      }
    });
  }

  takeAnswer(): MemoryAnswer | undefined {
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

  #sums(record: Float64Array, shard: number): UnitSums {
    const start = answerHead + shard * (sumsHead + this.#metrics);
    const [count = 0, loss = 0, squaredNorm = 0, ...metrics] = record.subarray(start, start + sumsHead + this.#metrics);
    return { count, loss, squaredNorm, metrics };
  }
}

/**
 * Records of numbers that one process writes and another reads, in memory that both see. A record is there only once
 * it is whole: the writer's count moves last. Counts go on past 2^32.
 */
export class Mailbox {
  readonly #written: Int32Array;
  readonly #read: Int32Array;
  readonly #records: readonly Float64Array[];

  /** @param offset start of `mailboxBytes` bytes, on a cache line */
  constructor(memory: ArrayBufferLike, offset: number, length: number) {
    // Each count on a cache line of its own: they are written by different processes.
    this.#written = new Int32Array(memory, offset, 1);
    this.#read = new Int32Array(memory, offset + line, 1);
    this.#records = Array.from(
      { length: capacity },
      (_, i) => new Float64Array(memory, offset + 2 * line + i * recordBytes(length), length),
    );
  }

  /** The word that changes with every record. */
  get word(): Int32Array {
    return this.#written;
  }

  /** Its value when the reader has read everything. */
  get seen(): number {
    return Atomics.load(this.#read, 0);
  }

  /** Forgets what is in it. Only while nobody else uses it. */
  clear(): void {
    Atomics.store(this.#read, 0, Atomics.load(this.#written, 0));
  }

  /** Lets a record be written, if there is room for one. */
  post(write: (record: Float64Array) => void): boolean {
    const written = Atomics.load(this.#written, 0);
    const record = this.#records[(written >>> 0) % capacity];
    if (!record || ((written - Atomics.load(this.#read, 0)) | 0) >= capacity) return false;
    write(record);
    Atomics.store(this.#written, 0, (written + 1) | 0);
    return true;
  }

  /** Reads the oldest record, or gives undefined where there is none. */
  take<T>(read: (record: Float64Array) => T): T | undefined {
    const at = Atomics.load(this.#read, 0);
    const record = this.#records[(at >>> 0) % capacity];
    if (!record || at === Atomics.load(this.#written, 0)) return undefined;
    const result = read(record);
    Atomics.store(this.#read, 0, (at + 1) | 0);
    return result;
  }
}

/** Bytes that a mailbox of records of `length` numbers takes. */
export function mailboxBytes(length: number): number {
  return 2 * line + capacity * recordBytes(length);
}

function recordBytes(length: number): number {
  return Math.ceil((length * 8) / line) * line;
}
