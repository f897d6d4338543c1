import fc from 'fast-check';
import { test } from 'tap';
import {
  askedAgain,
  type Change,
  isComplete,
  joined,
  type Ledger,
  left,
  openLedger,
  owes,
  settled,
} from '../../../src/coordinator/work/ledger.js';
import { ProtocolError } from '../../../src/shared/text/errors.js';
import { isTreeNode, type TreeNode } from '../../../src/step/tree.js';

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

function isSame(a: TreeNode, b: TreeNode): boolean {
  return a.from === b.from && a.to === b.to;
}

/** Units of a node that are not empty. */
function judgedUnits({ sizes }: Ledger, { from, to }: TreeNode): number[] {
  return upTo(sizes.length).filter((unit) => from <= unit && unit < to && (sizes[unit] ?? 0) > 0);
}

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
  #born: number;

  constructor(sizes: readonly number[], grain: Ledger['grain'], workers: number) {
    this.#born = workers;
    this.#living = upTo(workers).map((i) => `w${i}`);
    this.timesCome = sizes.map(() => 0);
    const opened = openLedger(sizes, grain, this.#living);
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
    const past = this.#past.filter((past) => !this.open.some((asked) => asked.worker === past.worker && isSame(asked.node, past.node)));
    const again = past[pick % Math.max(1, past.length)];
    if (again) this.#take(again, true);
  }

  /** An answer that is not believed: its node is asked of another, or of the same where there is none. */
  doubt(pick: number): void {
    const [asked] = this.open.splice(pick % Math.max(1, this.open.length), 1);
    if (!asked) return;
    this.#past.push(asked);
    this.#apply(askedAgain(this.ledger, asked.worker, asked.node, this.#living));
  }

  /** Someone answers for what it was never asked. */
  lie(pick: number): void {
    const worker = this.#living[pick % Math.max(1, this.#living.length)] ?? 'nobody';
    const node = { from: pick % this.timesCome.length, to: this.timesCome.length + 1 };
    try {
      owes(this.ledger, worker, node);
    } catch (error) {
      if (error instanceof ProtocolError) return;
    }
    throw new Error('a lie was believed');
  }

  death(pick: number): void {
    const [dead] = this.#living.splice(pick % Math.max(1, this.#living.length), 1);
    if (dead === undefined) return;
    this.#past.push(...this.open.filter(({ worker }) => worker === dead));
    this.open = this.open.filter(({ worker }) => worker !== dead);
    this.#apply(left(this.ledger, dead, this.#living));
  }

  join(): void {
    const fresh = `w${this.#born++}`;
    this.#living.push(fresh);
    this.#apply(joined(this.ledger, fresh));
  }

  #take({ worker, node }: Asked, shouldBeLate: boolean): void {
    const isLate = !owes(this.ledger, worker, node);
    if (isLate !== shouldBeLate) throw new Error(`isLate is ${isLate}`);
    if (!isLate) this.ledger = settled(this.ledger, worker, node, judgedUnits(this.ledger, node));
  }

  #apply({ ledger, assignments }: Change): void {
    this.ledger = ledger;
    for (const { worker, nodes } of assignments) {
      if (!this.#living.includes(worker)) throw new Error(`${worker} is gone, and was asked`);
      for (const node of nodes) {
        const isOfGrain = ledger.grain === 'unit' ? node.to - node.from === 1 : isTreeNode(node, ledger.sizes.length);
        if (!isOfGrain) throw new Error(`${worker} was asked for [${node.from}, ${node.to})`);
        this.open.push({ worker, node });
      }
    }
  }
}

const work = fc.record({
  isWanted: fc.array(fc.boolean(), { minLength: 1, maxLength: 24 }),
  grain: fc.constantFrom('tree', 'unit'),
  workers: fc.integer({ min: 0, max: 6 }),
  events: fc.array(fc.tuple(fc.constantFrom('answer', 'answer', 'late', 'doubt', 'lie', 'death', 'join'), fc.nat()), { maxLength: 40 }),
});

test('whatever happens in whatever order, every part comes exactly once and the work ends', (t) => {
  fc.assert(
    fc.property(work, ({ isWanted, grain, workers, events }) => {
      const sizes = isWanted.map((is) => (is ? 2 : 0));
      const world = new World(sizes, grain, workers);
      for (const [kind, pick] of events) world[kind](pick);
      // One more worker, so that the orphans find a home.
      world.join();
      while (world.open.length > 0) world.answer(0);
      return isComplete(world.ledger) && world.timesCome.every((times, part) => times === (isWanted[part] ? 1 : 0));
    }),
    { numRuns: 2_000 },
  );
  t.pass('any order of answers, doubts, lies, deaths, joins, duplicates and late answers');
  t.end();
});
