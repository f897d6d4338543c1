import type { UnitSums } from '../../shared/protocol/protocol.js';
import type { Incarnation } from '../../shared/transport/transport.js';
import type { GradientSink, NodeAnswer } from '../../step/stepPort.js';
import type { TreeNode } from '../../step/tree.js';
import {
  askedAgain,
  type Change,
  isComplete,
  type Judgement,
  joined,
  judge,
  type Ledger,
  left,
  openLedger,
  owes,
  owing,
  settled,
} from './ledger.js';

/** What is asked of the workers: a step's shards or an evaluation's chunks. */
export interface JobSpec {
  /** Number that answers carry. */
  readonly work: number;
  /** Samples of each unit; 0 for one that is neither sent nor waited for. */
  readonly sizes: readonly number[];
  readonly grain: Ledger['grain'];
  /** Asks a worker for some nodes. */
  readonly ask: (worker: Incarnation, nodes: readonly TreeNode[]) => void;
  /** Where the gradients go. */
  readonly sink?: GradientSink | undefined;
  readonly hears?: JobListener | undefined;
}

/** Hears of a job how far it is. */
export interface JobListener {
  /** A worker has answered for everything it owed, while others have not. */
  idle?(): void;
  /** The sums of every unit are known, told once: gradients may still be on their way. */
  sums?(all: readonly UnitSums[]): void;
  /** All of a node has come; told once for each. */
  node?(answer: NodeAnswer): void;
}

/** An answer that has begun to come, and what it is worth. */
export interface Judged extends Judgement {
  readonly worker: Incarnation;
  readonly answer: NodeAnswer;
}

/** What came of an answer; and who gave the bad one that a good one has now replaced. */
export interface Answered {
  readonly verdict: Judgement['verdict'];
  readonly faulty: readonly Incarnation[];
}

/** A step or an evaluation under way: its ledger, what has come, and a promise of all of it. */
export class Job {
  /** The sums of every unit that is not empty, in order. Rejects when the run cannot go on. */
  readonly done: Promise<readonly UnitSums[]>;
  readonly spec: JobSpec;
  /** Units whose sums are not finite, from whoever computed them the second time. */
  readonly nonFinite: { readonly worker: Incarnation; readonly unit: number }[] = [];
  /** Milliseconds that each worker has computed for it, by its own clock. */
  readonly #computeMs = new Map<Incarnation, number>();
  /** What is known of each unit, and how many are not known yet. */
  readonly #sums: (UnitSums | undefined)[];
  #unknown: number;
  #ledger: Ledger;
  #isOver = false;
  #resolve: (sums: readonly UnitSums[]) => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor(spec: JobSpec, workers: readonly Incarnation[], shares: readonly number[]) {
    this.spec = spec;
    this.#sums = new Array(spec.sizes.length).fill(undefined);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // It may fail before anybody waits for it.
    this.done.catch(() => undefined);
    const change = openLedger(spec.sizes, spec.grain, workers, shares);
    this.#unknown = change.ledger.missing;
    this.#ledger = change.ledger;
    this.#apply(change);
    if (isComplete(this.#ledger)) this.#end([]);
  }

  /**
   * Judges an answer, of which a gradient may still be on its way. One that is not finite is asked for once more, of another
   * worker if there is one, before it is believed.
   * @param living who is ready, in a fixed order
   * @throws ProtocolError for an answer to something that was not asked, or that does not fit what was
   */
  judge(worker: Incarnation, answer: NodeAnswer, living: readonly Incarnation[]): Judged {
    const { node, shards, computeMs } = answer;
    const judgement = judge(this.#ledger, worker, node, shards);
    this.#computeMs.set(worker, (this.#computeMs.get(worker) ?? 0) + computeMs);
    if (judgement.verdict === 'again') this.#apply(askedAgain(this.#ledger, worker, node, living));
    if (judgement.verdict === 'taken') this.#note(judgement.units, shards);
    return { ...judgement, worker, answer };
  }

  /** A slice of the gradient of an answer that has been judged. */
  take({ verdict, answer: { node } }: Judged, slice: number, values: Float32Array): void {
    if (verdict === 'taken' && !this.#isOver) this.spec.sink?.addSlice(node, slice, values);
  }

  /** All of an answer has come. @param gradient where it has come whole */
  finish({ verdict, worker, answer, units, bad }: Judged, gradient?: Float32Array): Answered {
    const { node, shards } = answer;
    if (verdict !== 'taken') return { verdict, faulty: [] };
    if (!owes(this.#ledger, worker, node)) return { verdict: 'late', faulty: [] };
    for (const unit of bad) this.nonFinite.push({ worker, unit });
    const { suspects } = this.#ledger;
    const faulty = suspects.size === 0 || bad.length > 0 ? [] : units.flatMap((unit) => suspects.get(unit) ?? []);
    this.#ledger = settled(this.#ledger, worker, node, units);
    if (gradient) this.spec.sink?.add(node, gradient, shards);
    this.spec.hears?.node?.(answer);
    if (isComplete(this.#ledger)) this.#end(this.#known);
    else if (!this.owing.includes(worker)) this.spec.hears?.idle?.();
    return { verdict, faulty: [...new Set(faulty)] };
  }

  #note(units: readonly number[], sums: readonly UnitSums[]): void {
    const before = this.#unknown;
    for (const [i, unit] of units.entries()) {
      if (!this.#sums[unit]) this.#unknown--;
      this.#sums[unit] = sums[i];
    }
    if (before > 0 && this.#unknown === 0) this.spec.hears?.sums?.(this.#known);
  }

  get #known(): UnitSums[] {
    return this.#sums.filter((sums) => sums !== undefined);
  }

  /** Milliseconds of the worker that has computed longest. */
  get computeMs(): number {
    return Math.max(0, ...this.#computeMs.values());
  }

  /** Workers that still owe something. */
  get owing(): Incarnation[] {
    return owing(this.#ledger);
  }

  workerLeft(worker: Incarnation, living: readonly Incarnation[]): void {
    this.#apply(left(this.#ledger, worker, living));
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

  #end(sums: readonly UnitSums[]): void {
    this.#isOver = true;
    this.#resolve(sums);
  }

  #apply({ ledger, assignments }: Change): void {
    this.#ledger = ledger;
    for (const { worker, nodes } of assignments) this.spec.ask(worker, nodes);
  }
}
