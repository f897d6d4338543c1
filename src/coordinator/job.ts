import { ProtocolError } from '../shared/errors.js';
import type { PartSums } from '../shared/protocol.js';
import type { Frames, Incarnation } from '../shared/transport.js';
import type { TreeNode } from '../shared/tree.js';
import { type Assignment, answered, type Change, isComplete, joined, type Ledger, left, openLedger } from './ledger.js';

/** What is asked of the workers: a step's shards or an evaluation's chunks. */
export interface JobSpec {
  /** Number that answers carry. */
  readonly work: number;
  /** Parts of the work, empty ones included. */
  readonly parts: number;
  /** Samples of each part; 0 for an empty one, which is neither sent nor waited for. */
  readonly sizes: readonly number[];
  readonly grain: Ledger['grain'];
  /** The message that asks for some nodes. */
  readonly request: (nodes: readonly TreeNode[]) => Frames;
  /** Is told of every node as it comes, exactly once. */
  readonly onNode?: (node: TreeNode, tensor: Float32Array | undefined) => void;
}

/** One piece of work on its way: the ledger, what has come, and a promise of all of it. */
export class Job {
  /** The sums of every part that is not empty, in order. Rejects when the run cannot go on. */
  readonly done: Promise<readonly PartSums[]>;
  readonly spec: JobSpec;
  readonly #send: (to: Incarnation, frames: Frames) => void;
  readonly #wanted: readonly number[];
  readonly #sums: (PartSums | undefined)[];
  #ledger: Ledger;
  #resolve: (sums: readonly PartSums[]) => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor(spec: JobSpec, workers: readonly Incarnation[], send: (to: Incarnation, frames: Frames) => void) {
    this.spec = spec;
    this.#send = send;
    this.#sums = new Array(spec.parts).fill(undefined);
    this.#wanted = spec.sizes.flatMap((size, part) => (size > 0 ? [part] : []));
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { ledger, assignments } = openLedger(spec.parts, this.#wanted, spec.grain, workers);
    this.#ledger = ledger;
    this.#hand(assignments);
    if (isComplete(ledger)) this.#resolve([]);
  }

  /**
   * Takes a worker's answer; returns whether it counted.
   * @throws ProtocolError for an answer to something that was not asked, or that does not fit what was
   */
  answer(worker: Incarnation, node: TreeNode, sums: readonly PartSums[], tensor?: Float32Array): boolean {
    const inside = this.#wanted.filter((part) => node.from <= part && part < node.to);
    const { ledger, isLate } = answered(this.#ledger, worker, node, inside.length);
    if (isLate) return false;
    const sizes = inside.map((part) => this.spec.sizes[part]);
    if (sums.length !== sizes.length || sums.some(({ count }, i) => count !== sizes[i])) {
      throw new ProtocolError(`answered for [${node.from}, ${node.to}) with counts ${sums.map((s) => s.count)}, expected ${sizes}`);
    }
    this.#ledger = ledger;
    for (const [i, part] of inside.entries()) this.#sums[part] = sums[i];
    this.spec.onNode?.(node, tensor);
    if (isComplete(ledger)) this.#resolve(this.#sums.filter((part) => part !== undefined));
    return true;
  }

  workerLeft(worker: Incarnation, living: readonly Incarnation[]): void {
    this.#apply(left(this.#ledger, worker, this.#wanted, living));
  }

  workerJoined(worker: Incarnation): void {
    this.#apply(joined(this.#ledger, worker));
  }

  fail(reason: Error): void {
    this.#reject(reason);
  }

  #apply({ ledger, assignments }: Change): void {
    this.#ledger = ledger;
    this.#hand(assignments);
  }

  #hand(assignments: readonly Assignment[]): void {
    for (const { worker, nodes } of assignments) this.#send(worker, this.spec.request(nodes));
  }
}
