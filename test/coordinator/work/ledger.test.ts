import { test } from 'tap';
import {
  askedAgain,
  type Change,
  isComplete,
  joined,
  judge,
  type Ledger,
  left,
  openLedger,
  owes,
  settled,
} from '../../../src/coordinator/work/ledger.js';
import { ProtocolError } from '../../../src/shared/text/errors.js';
import type { TreeNode } from '../../../src/step/tree.js';

/** So many units of two samples each. */
const units = (count: number): number[] => new Array(count).fill(2);
const sums = (count: number, loss = 1) => new Array(count).fill({ count: 2, loss, metrics: [], squaredNorm: 1 });

/** Assignments as text, e.g. `a: 0-2 2-3`. */
function handed({ assignments }: Change): string[] {
  return assignments.map(({ worker, nodes }) => `${worker}: ${nodes.map(({ from, to }) => `${from}-${to}`).join(' ')}`);
}

const node = (from: number, to: number): TreeNode => ({ from, to });
const answer = (ledger: Ledger, worker: string, from: number, to: number) => {
  const isLate = !owes(ledger, worker, node(from, to));
  return { isLate, ledger: isLate ? ledger : settled(ledger, worker, node(from, to), new Array(to - from).fill(0)) };
};

test('workers get neighbouring units, as few nodes as cover them', (t) => {
  t.same(handed(openLedger(units(8), 'tree', ['a'])), ['a: 0-8']);
  t.same(handed(openLedger(units(8), 'tree', ['a', 'b'])), ['a: 0-4', 'b: 4-8']);
  t.same(handed(openLedger(units(8), 'tree', ['a', 'b', 'c'])), ['a: 0-2', 'b: 2-4 4-5', 'c: 5-6 6-8']);
  t.same(handed(openLedger(units(2), 'tree', ['a', 'b', 'c'])), ['b: 0-1', 'c: 1-2'], 'one is spare');
  t.same(handed(openLedger(units(4), 'unit', ['a', 'b'])), ['a: 0-1 1-2', 'b: 2-3 3-4'], 'one by one');
  t.end();
});

test('empty units are neither asked for nor waited for', (t) => {
  const change = openLedger([0, 2, 0, 2, 2, 2, 0, 2], 'tree', ['a', 'b']);
  t.same(handed(change), ['a: 1-2 3-4', 'b: 4-6 7-8']);
  t.equal(change.ledger.missing, 5);
  t.equal(isComplete(openLedger(new Array(8).fill(0), 'tree', ['a']).ledger), true);
  t.end();
});

test('is complete once every unit has come', (t) => {
  const { ledger } = openLedger(units(4), 'tree', ['a', 'b']);
  const half = answer(ledger, 'b', 2, 4);
  t.same([half.isLate, half.ledger.missing, isComplete(half.ledger)], [false, 2, false]);
  const all = answer(half.ledger, 'a', 0, 2);
  t.same([all.isLate, all.ledger.missing, isComplete(all.ledger)], [false, 0, true]);
  t.equal(ledger.missing, 4, 'the first ledger is as it was');
  t.end();
});

test('what a dead worker owes goes to the living, what it has answered does not', (t) => {
  const opened = openLedger(units(8), 'tree', ['a', 'b', 'c']);
  const { ledger } = answer(opened.ledger, 'b', 2, 4);
  const change = left(ledger, 'b', ['a', 'c']);
  t.same(handed(change), ['c: 4-5']);
  t.same(handed(left(change.ledger, 'c', ['a'])), ['a: 4-8']);
  t.end();
});

test('a worker that owes nothing may go', (t) => {
  const { ledger } = openLedger(units(2), 'tree', ['a', 'b', 'c']);
  t.same(left(ledger, 'a', ['b', 'c']).assignments, []);
  t.same(left(ledger, 'stranger', ['a', 'b', 'c']).assignments, []);
  t.end();
});

test('without workers units wait for the next to join', (t) => {
  const opened = openLedger(units(4), 'tree', ['a', 'b']);
  const one = left(opened.ledger, 'a', ['b']);
  t.same(handed(one), ['b: 0-2']);
  const none = left(one.ledger, 'b', []);
  t.same(none.assignments, []);
  t.same([...none.ledger.orphans], [0, 1, 2, 3]);
  const again = joined(none.ledger, 'c');
  t.same(handed(again), ['c: 0-4']);
  t.same([...again.ledger.orphans], []);
  t.same(joined(again.ledger, 'd').assignments, [], 'a later one finds nothing left');
  t.same(handed(openLedger(units(4), 'tree', [])), []);
  t.end();
});

test('an answer that comes twice, or after its unit was given to another, is late', (t) => {
  const { ledger } = openLedger(units(4), 'tree', ['a', 'b']);
  const once = answer(ledger, 'a', 0, 2);
  t.strictSame(answer(once.ledger, 'a', 0, 2), { ledger: once.ledger, isLate: true });
  const moved = left(ledger, 'a', ['b']).ledger;
  t.strictSame(answer(moved, 'a', 0, 2), { ledger: moved, isLate: true });
  t.equal(answer(moved, 'b', 0, 2).isLate, false);
  t.end();
});

test('an answer to what was never asked is refused', (t) => {
  const { ledger } = openLedger(units(4), 'tree', ['a', 'b']);
  t.throws(() => answer(ledger, 'a', 2, 4), new ProtocolError('answered for [2, 4), which it was never asked for'), "another's node");
  t.throws(() => answer(ledger, 'a', 0, 1), new ProtocolError('answered for [0, 1), which it was never asked for'), 'half a node');
  t.throws(() => answer(ledger, 'c', 0, 2), ProtocolError, 'a stranger');
  t.end();
});

test('an answer is judged by its sums: what is not finite is asked for again, once', (t) => {
  const { ledger } = openLedger(units(4), 'tree', ['a', 'b']);
  t.same(judge(ledger, 'a', node(0, 2), sums(2)), { verdict: 'taken', units: [0, 1], bad: [] });
  const bad = judge(ledger, 'a', node(0, 2), [...sums(1), ...sums(1, Number.NaN)]);
  t.same(bad, { verdict: 'again', units: [0, 1], bad: [1] });
  const again = askedAgain(ledger, 'a', node(0, 2), ['a', 'b']);
  t.same(handed(again), ['b: 0-2']);
  t.equal(judge(again.ledger, 'a', node(0, 2), sums(2)).verdict, 'late');
  t.same(
    judge(again.ledger, 'b', node(0, 2), sums(2, Number.POSITIVE_INFINITY)),
    { verdict: 'taken', units: [0, 1], bad: [0, 1] },
    'believed now',
  );
  t.same(
    [...again.ledger.suspects],
    [
      [0, 'a'],
      [1, 'a'],
    ],
  );
  t.same(handed(askedAgain(ledger, 'a', node(0, 2), ['a'])), ['a: 0-2'], 'of the same where there is no other');
  t.throws(() => judge(ledger, 'a', node(0, 2), sums(1)), new ProtocolError('answered for [0, 2) with counts 2, expected 2,2'));
  t.end();
});
