import fc from 'fast-check';
import { test } from 'tap';
import { answered, type Change, isComplete, joined, type Ledger, left, openLedger } from '../../src/coordinator/ledger.js';
import { isTreeNode, type TreeNode } from '../../src/shared/tree.js';

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

interface Asked {
  readonly worker: string;
  readonly node: TreeNode;
}

/** Workers that come, answer and die around one ledger; it throws where the ledger does what it should not. */
class World {
  ledger: Ledger;
  readonly timesCome: number[];
  open: Asked[] = [];
  readonly #past: Asked[] = [];
  readonly #living: string[];
  readonly #wanted: readonly number[];
  #born: number;

  constructor(wanted: readonly number[], parts: number, grain: Ledger['grain'], workers: number) {
    this.#wanted = wanted;
    this.#born = workers;
    this.#living = upTo(workers).map((i) => `w${i}`);
    this.timesCome = upTo(parts).map(() => 0);
    const opened = openLedger(parts, wanted, grain, this.#living);
    this.ledger = opened.ledger;
    this.#apply(opened);
  }

  /** An owed answer arrives. */
  answer(pick: number): void {
    const [next] = this.open.splice(pick % Math.max(1, this.open.length), 1);
    if (!next) return;
    this.#take(next, false);
    for (let part = next.node.from; part < next.node.to; part++) this.timesCome[part] = (this.timesCome[part] ?? 0) + 1;
    this.#past.push(next);
  }

  /** An answer arrives for the second time, or after its worker was given up. */
  late(pick: number): void {
    const again = this.#past[pick % Math.max(1, this.#past.length)];
    if (again) this.#take(again, true);
  }

  death(pick: number): void {
    const [dead] = this.#living.splice(pick % Math.max(1, this.#living.length), 1);
    if (dead === undefined) return;
    this.#past.push(...this.open.filter(({ worker }) => worker === dead));
    this.open = this.open.filter(({ worker }) => worker !== dead);
    this.#apply(left(this.ledger, dead, this.#wanted, this.#living));
  }

  join(): void {
    const fresh = `w${this.#born++}`;
    this.#living.push(fresh);
    this.#apply(joined(this.ledger, fresh));
  }

  #take({ worker, node }: Asked, shouldBeLate: boolean): void {
    const { ledger, isLate } = answered(this.ledger, worker, node, node.to - node.from);
    if (isLate !== shouldBeLate) throw new Error(`isLate is ${isLate}`);
    this.ledger = ledger;
  }

  #apply({ ledger, assignments }: Change): void {
    this.ledger = ledger;
    for (const { worker, nodes } of assignments) {
      if (!this.#living.includes(worker)) throw new Error(`${worker} is gone, and was asked`);
      for (const node of nodes) {
        const isOfGrain = ledger.grain === 'part' ? node.to - node.from === 1 : isTreeNode(node, ledger.parts);
        if (!isOfGrain) throw new Error(`${worker} was asked for [${node.from}, ${node.to})`);
        this.open.push({ worker, node });
      }
    }
  }
}

const work = fc.record({
  isWanted: fc.array(fc.boolean(), { minLength: 1, maxLength: 24 }),
  grain: fc.constantFrom('tree', 'part'),
  workers: fc.integer({ min: 0, max: 6 }),
  events: fc.array(fc.tuple(fc.constantFrom('answer', 'answer', 'late', 'death', 'join'), fc.nat()), { maxLength: 40 }),
});

test('whatever happens in whatever order, every part comes exactly once and the work ends', (t) => {
  fc.assert(
    fc.property(work, ({ isWanted, grain, workers, events }) => {
      const wanted = isWanted.flatMap((is, part) => (is ? [part] : []));
      const world = new World(wanted, isWanted.length, grain, workers);
      for (const [kind, pick] of events) world[kind](pick);
      // One more worker, so that the orphans find a home.
      world.join();
      while (world.open.length > 0) world.answer(0);
      return isComplete(world.ledger) && world.timesCome.every((times, part) => times === (isWanted[part] ? 1 : 0));
    }),
    { numRuns: 500 },
  );
  t.pass('any order of answers, deaths, joins, duplicates and late answers');
  t.end();
});
