import { test } from 'tap';
import { answered, type Change, isComplete, joined, type Ledger, left, openLedger } from '../../../src/coordinator/work/ledger.js';
import { ProtocolError } from '../../../src/shared/text/errors.js';
import type { TreeNode } from '../../../src/step/tree.js';

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Assignments as text, e.g. `a: 0-2 2-3`. */
function handed({ assignments }: Change): string[] {
  return assignments.map(({ worker, nodes }) => `${worker}: ${nodes.map(({ from, to }) => `${from}-${to}`).join(' ')}`);
}

const node = (from: number, to: number): TreeNode => ({ from, to });
const answer = (ledger: Ledger, worker: string, from: number, to: number) => answered(ledger, worker, node(from, to), to - from);

test('workers get neighbouring parts, as few nodes as cover them', (t) => {
  t.same(handed(openLedger(8, upTo(8), 'tree', ['a'])), ['a: 0-8']);
  t.same(handed(openLedger(8, upTo(8), 'tree', ['a', 'b'])), ['a: 0-4', 'b: 4-8']);
  t.same(handed(openLedger(8, upTo(8), 'tree', ['a', 'b', 'c'])), ['a: 0-2', 'b: 2-4 4-5', 'c: 5-6 6-8']);
  t.same(handed(openLedger(2, upTo(2), 'tree', ['a', 'b', 'c'])), ['b: 0-1', 'c: 1-2'], 'one is spare');
  t.same(handed(openLedger(4, upTo(4), 'part', ['a', 'b'])), ['a: 0-1 1-2', 'b: 2-3 3-4'], 'one by one');
  t.end();
});

test('empty parts are neither asked for nor waited for', (t) => {
  const change = openLedger(8, [1, 3, 4, 5, 7], 'tree', ['a', 'b']);
  t.same(handed(change), ['a: 1-2 3-4', 'b: 4-6 7-8']);
  t.equal(change.ledger.missing, 5);
  t.equal(isComplete(openLedger(8, [], 'tree', ['a']).ledger), true);
  t.end();
});

test('is complete once every part has come', (t) => {
  const { ledger } = openLedger(4, upTo(4), 'tree', ['a', 'b']);
  const half = answer(ledger, 'b', 2, 4);
  t.same([half.isLate, half.ledger.missing, isComplete(half.ledger)], [false, 2, false]);
  const all = answer(half.ledger, 'a', 0, 2);
  t.same([all.isLate, all.ledger.missing, isComplete(all.ledger)], [false, 0, true]);
  t.equal(ledger.missing, 4, 'the first ledger is as it was');
  t.end();
});

test('what a dead worker owes goes to the living, what it has answered does not', (t) => {
  const opened = openLedger(8, upTo(8), 'tree', ['a', 'b', 'c']);
  const { ledger } = answer(opened.ledger, 'b', 2, 4);
  const change = left(ledger, 'b', upTo(8), ['a', 'c']);
  t.same(handed(change), ['c: 4-5']);
  t.same(handed(left(change.ledger, 'c', upTo(8), ['a'])), ['a: 4-8']);
  t.end();
});

test('a worker that owes nothing may go', (t) => {
  const { ledger } = openLedger(2, upTo(2), 'tree', ['a', 'b', 'c']);
  t.same(left(ledger, 'a', upTo(2), ['b', 'c']).assignments, []);
  t.same(left(ledger, 'stranger', upTo(2), ['a', 'b', 'c']).assignments, []);
  t.end();
});

test('without workers parts wait for the next to join', (t) => {
  const opened = openLedger(4, upTo(4), 'tree', ['a', 'b']);
  const one = left(opened.ledger, 'a', upTo(4), ['b']);
  t.same(handed(one), ['b: 0-2']);
  const none = left(one.ledger, 'b', upTo(4), []);
  t.same(none.assignments, []);
  t.same([...none.ledger.orphans], [0, 1, 2, 3]);
  const again = joined(none.ledger, 'c');
  t.same(handed(again), ['c: 0-4']);
  t.same([...again.ledger.orphans], []);
  t.same(joined(again.ledger, 'd').assignments, [], 'a later one finds nothing left');
  t.same(handed(openLedger(4, upTo(4), 'tree', [])), []);
  t.end();
});

test('an answer that comes twice, or after its part was given to another, is late', (t) => {
  const { ledger } = openLedger(4, upTo(4), 'tree', ['a', 'b']);
  const once = answer(ledger, 'a', 0, 2);
  t.strictSame(answer(once.ledger, 'a', 0, 2), { ledger: once.ledger, isLate: true });
  const moved = left(ledger, 'a', upTo(4), ['b']).ledger;
  t.strictSame(answer(moved, 'a', 0, 2), { ledger: moved, isLate: true });
  t.equal(answer(moved, 'b', 0, 2).isLate, false);
  t.end();
});

test('an answer to what was never asked is refused', (t) => {
  const { ledger } = openLedger(4, upTo(4), 'tree', ['a', 'b']);
  t.throws(() => answer(ledger, 'a', 2, 4), new ProtocolError('answered for [2, 4), which it was never asked for'), "another's node");
  t.throws(() => answer(ledger, 'a', 0, 1), new ProtocolError('answered for [0, 1), which it was never asked for'), 'half a node');
  t.throws(() => answer(ledger, 'c', 0, 2), ProtocolError, 'a stranger');
  t.end();
});
