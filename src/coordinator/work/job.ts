import type { PartSums } from '../../shared/protocol/protocol.js';
import { ProtocolError } from '../../shared/text/errors.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { TreeNode } from '../../step/tree.js';
import { type Assignment, answered, type Change, debtors, handOver, isComplete, joined, type Ledger, left, openLedger } from './ledger.js';

/** What is asked of the workers: a step's shards or an evaluation's chunks. */
export interface JobSpec {
  /** Number that answers carry. */
  readonly work: number;
  /** Parts of the work, empty ones included. */
  readonly parts: number;
  /** Samples of each part; 0 for an empty one, which is neither sent nor waited for. */
  readonly sizes: readonly number[];
  readonly grain: Ledger['grain'];
  /** Asks a worker for some nodes. */
  readonly ask: (worker: Incarnation, nodes: readonly TreeNode[]) => void;
  /** Is called when a worker has answered for everything it owed, while others have not. */
  readonly onIdle?: (() => void) | undefined;
  /** Is told, once, the sums of every part that is not empty, as soon as they are known: gradients may still be on their way. */
  readonly onSums?: (sums: readonly PartSums[]) => void;
  /** Is told of a part of the gradient of a node that is on its way, and will be taken. It may come again if its worker is lost. */
  readonly onPart?: (node: TreeNode, part: number, tensor: Float32Array) => void;
  /** Is told of every node as it comes, exactly once; without its tensor where that came in parts. */
  readonly onNode?: (node: TreeNode, tensor: Float32Array | undefined, sums: readonly PartSums[], computeMs: number) => void;
}

/** What came of an answer: it counted, it was late, or it is asked for again; and who gave the bad one that a good one has now replaced. */
export interface Answer {
  readonly kind: 'taken' | 'late' | 'again';
  readonly faulty: readonly Incarnation[];
}

/** What an answer is worth: the ledger with it, the parts it is for, and those whose sums are not finite. */
interface Judgement {
  readonly kind: Answer['kind'];
  readonly ledger: Ledger;
  readonly inside: readonly number[];
  readonly bad: readonly number[];
}

/** One piece of work on its way: the ledger, what has come, and a promise of all of it. */
export class Job {
  /** The sums of every part that is not empty, in order. Rejects when the run cannot go on. */
  readonly done: Promise<readonly PartSums[]>;
  readonly spec: JobSpec;
  /** Parts whose sums are not finite, from whoever computed them the second time. */
  readonly nonFinite: { readonly worker: Incarnation; readonly part: number }[] = [];
  /** Milliseconds that each worker has computed for it, by its own clock. */
  readonly #computeMs = new Map<Incarnation, number>();
  /** Answers that are on their way, and whose time is counted: by worker and first part. */
  readonly #begun = new Set<string>();
  /** Who gave an answer that was not finite, by part. */
  readonly #suspects = new Map<number, Incarnation>();
  readonly #wanted: readonly number[];
  /** What is known of each part, and how many parts are not known yet. */
  readonly #sums: (PartSums | undefined)[];
  #unknown: number;
  #ledger: Ledger;
  #isOver = false;
  #resolve: (sums: readonly PartSums[]) => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor(spec: JobSpec, workers: readonly Incarnation[], shares: readonly number[]) {
    this.spec = spec;
    this.#sums = new Array(spec.parts).fill(undefined);
    this.#wanted = spec.sizes.flatMap((size, part) => (size > 0 ? [part] : []));
    this.#unknown = this.#wanted.length;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // It may fail before anybody waits for it.
    this.done.catch(() => undefined);
    const { ledger, assignments } = openLedger(spec.parts, this.#wanted, spec.grain, workers, shares);
    this.#ledger = ledger;
    this.#hand(assignments);
    if (isComplete(ledger)) this.#end([]);
  }

  /**
   * Takes a worker's answer. One that is not finite is asked for once more, of another worker if there is one, before
   * it is believed.
   * @param computeMs by the worker's own clock
   * @param living who is ready, in a fixed order
   * @throws ProtocolError for an answer to something that was not asked, or that does not fit what was
   */
  answer(
    worker: Incarnation,
    node: TreeNode,
    sums: readonly PartSums[],
    tensor: Float32Array | undefined,
    computeMs: number,
    living: readonly Incarnation[],
  ): Answer {
    if (!this.#begun.delete(`${worker} ${node.from}`)) this.#computed(worker, computeMs);
    const { kind, ledger, inside, bad } = this.#judge(worker, node, sums);
    if (kind === 'late') return { kind, faulty: [] };
    if (kind === 'again') {
      for (const part of inside) this.#suspects.set(part, worker);
      const other = living.find((candidate) => candidate !== worker) ?? worker;
      this.#apply(handOver(this.#ledger, node, worker, other));
      return { kind: 'again', faulty: [] };
    }
    const suspects = bad.length > 0 ? [] : inside.flatMap((part) => this.#suspects.get(part) ?? []);
    for (const part of bad) this.nonFinite.push({ worker, part });
    this.#ledger = ledger;
    this.#note(inside, sums);
    this.spec.onNode?.(node, tensor, sums, computeMs);
    if (isComplete(ledger)) this.#end(this.#known);
    else if (!this.debtors.includes(worker)) this.spec.onIdle?.();
    return { kind: 'taken', faulty: [...new Set(suspects)] };
  }

  /**
   * An answer with these sums has begun to come. Will it be taken? What is on its way of its gradient may then be added up.
   * @throws ProtocolError as `answer`
   */
  begins(worker: Incarnation, node: TreeNode, sums: readonly PartSums[], computeMs: number): boolean {
    const { kind, inside } = this.#judge(worker, node, sums);
    this.#begun.add(`${worker} ${node.from}`);
    this.#computed(worker, computeMs);
    if (kind === 'taken') this.#note(inside, sums);
    return kind === 'taken';
  }

  #computed(worker: Incarnation, milliseconds: number): void {
    this.#computeMs.set(worker, (this.#computeMs.get(worker) ?? 0) + milliseconds);
  }

  #note(parts: readonly number[], sums: readonly PartSums[]): void {
    const before = this.#unknown;
    for (const [i, part] of parts.entries()) {
      if (!this.#sums[part]) this.#unknown--;
      this.#sums[part] = sums[i];
    }
    if (before > 0 && this.#unknown === 0) this.spec.onSums?.(this.#known);
  }

  get #known(): PartSums[] {
    return this.#sums.filter((part) => part !== undefined);
  }

  #judge(worker: Incarnation, node: TreeNode, sums: readonly PartSums[]): Judgement {
    const inside = this.#wanted.filter((part) => node.from <= part && part < node.to);
    const { ledger, isLate } = answered(this.#ledger, worker, node, inside.length);
    if (isLate) return { kind: 'late', ledger, inside, bad: [] };
    const sizes = inside.map((part) => this.spec.sizes[part]);
    if (sums.length !== sizes.length || sums.some(({ count }, i) => count !== sizes[i])) {
      throw new ProtocolError(`answered for [${node.from}, ${node.to}) with counts ${sums.map((s) => s.count)}, expected ${sizes}`);
    }
    const bad = inside.filter((_, i) => !isFiniteSums(sums[i]));
    const isFirst = bad.length > 0 && !inside.some((part) => this.#suspects.has(part));
    return { kind: isFirst ? 'again' : 'taken', ledger, inside, bad };
  }

  /** Milliseconds of the worker that has computed longest. */
  get computeMs(): number {
    return Math.max(0, ...this.#computeMs.values());
  }

  /** Workers that still owe something. */
  get debtors(): Incarnation[] {
    return debtors(this.#ledger);
  }

  workerLeft(worker: Incarnation, living: readonly Incarnation[]): void {
    this.#apply(left(this.#ledger, worker, this.#wanted, living));
  }

  workerJoined(worker: Incarnation): void {
    this.#apply(joined(this.#ledger, worker));
  }

  /** Has everything come, or can it not come any more? */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whatever still comes is of no use. Its promise stays as it is. */
  abandon(): void {
    this.#isOver = true;
  }

  fail(reason: Error): void {
    this.#isOver = true;
    this.#reject(reason);
  }

  #end(sums: readonly PartSums[]): void {
    this.#isOver = true;
    this.#resolve(sums);
  }

  #apply({ ledger, assignments }: Change): void {
    this.#ledger = ledger;
    this.#hand(assignments);
  }

  #hand(assignments: readonly Assignment[]): void {
    for (const { worker, nodes } of assignments) this.spec.ask(worker, nodes);
  }
}

function isFiniteSums(sums: PartSums | undefined): boolean {
  return sums !== undefined && Number.isFinite(sums.loss) && Number.isFinite(sums.squaredNorm);
}
