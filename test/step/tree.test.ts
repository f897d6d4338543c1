import fc from 'fast-check';
import { test } from 'tap';
import { childrenOf, coveringNodes, isTreeNode, shardRange, splitOf, sumTree, type TreeNode } from '../../src/step/tree.js';

const node = (from: number, to: number): TreeNode => ({ from, to });
const shardCount = fc.integer({ min: 1, max: 70 });

test('shards are floor(i * n / S) to floor((i + 1) * n / S)', (t) => {
  t.same(
    [0, 1, 2, 3].map((shard) => shardRange(shard, 4, 10)),
    [node(0, 2), node(2, 5), node(5, 7), node(7, 10)],
  );
  t.same(
    [0, 1, 2, 3].map((shard) => shardRange(shard, 4, 2)),
    [node(0, 0), node(0, 1), node(1, 1), node(1, 2)],
    'a short batch leaves shards empty',
  );
  t.end();
});

test('shards cover a batch without gap or overlap, and differ by at most one sample', (t) => {
  fc.assert(
    fc.property(shardCount, fc.nat(10_000), (shards, count) => {
      const ranges = Array.from({ length: shards }, (_, i) => shardRange(i, shards, count));
      const sizes = ranges.map(({ from, to }) => to - from);
      const starts = ranges.map(({ from }) => from);
      const ends = ranges.map(({ to }) => to);
      return (
        starts.every((start, i) => start === (i === 0 ? 0 : ends[i - 1])) &&
        ends.at(-1) === count &&
        Math.max(...sizes) - Math.min(...sizes) <= 1
      );
    }),
  );
  t.pass('any batch');
  t.end();
});

test('a node splits at the largest power of two below its size', (t) => {
  t.same(
    [2, 3, 4, 5, 6, 8, 9, 16, 17].map((size) => splitOf(node(0, size))),
    [1, 2, 2, 4, 4, 4, 8, 8, 16],
  );
  t.equal(splitOf(node(4, 7)), 6, 'counted from its start');
  t.same(childrenOf(node(4, 7)), [node(4, 6), node(6, 7)]);
  t.end();
});

test('covers a range by the fewest nodes', (t) => {
  t.same(coveringNodes(0, 8, 8), [node(0, 8)]);
  t.same(coveringNodes(0, 4, 8), [node(0, 4)]);
  t.same(coveringNodes(1, 7, 8), [node(1, 2), node(2, 4), node(4, 6), node(6, 7)]);
  t.same(coveringNodes(2, 8, 8), [node(2, 4), node(4, 8)]);
  t.same(coveringNodes(3, 4, 8), [node(3, 4)]);
  t.same(coveringNodes(0, 6, 6), [node(0, 6)]);
  t.same(coveringNodes(2, 6, 6), [node(2, 4), node(4, 6)]);
  t.same(coveringNodes(3, 3, 8), []);
  t.end();
});

test('covers any range exactly, in order, by nodes none of which join', (t) => {
  const range = shardCount.chain((shards) => fc.tuple(fc.nat(shards), fc.nat(shards), fc.constant(shards)));
  fc.assert(
    fc.property(range, ([a, b, shards]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const nodes = coveringNodes(from, to, shards);
      const end = nodes.reduce((at, next) => (next.from === at && next.to > at ? next.to : Number.NaN), from);
      const isFewest = nodes.every((left, i) => {
        const right = nodes[i + 1];
        return !right || !isTreeNode(node(left.from, right.to), shards);
      });
      return end === to && isFewest && nodes.every((each) => isTreeNode(each, shards));
    }),
  );
  t.pass('any range');
  t.end();
});

test('tells nodes of the tree from other ranges', (t) => {
  for (const good of [node(0, 6), node(0, 4), node(4, 6), node(2, 4), node(5, 6)]) t.equal(isTreeNode(good, 6), true, JSON.stringify(good));
  for (const bad of [node(1, 3), node(0, 5), node(2, 6), node(3, 3), node(4, 2), node(-1, 6), node(0, 7), node(6, 7)]) {
    t.equal(isTreeNode(bad, 6), false, JSON.stringify(bad));
  }
  t.end();
});

/** The tree's shape as text, e.g. `((0+1)+2)`; `empty` shards have no value. */
function shapeOf(shards: number, empty: readonly number[] = []): Promise<string | undefined> {
  return sumTree(
    node(0, shards),
    async (shard) => (empty.includes(shard) ? undefined : String(shard)),
    (left, right) => `(${left}+${right})`,
  );
}

test('adds leaves up in the order of the tree', async (t) => {
  t.equal(await shapeOf(1), '0');
  t.equal(await shapeOf(3), '((0+1)+2)');
  t.equal(await shapeOf(6), '(((0+1)+(2+3))+(4+5))');
});

test('never adds an empty shard', async (t) => {
  t.equal(await shapeOf(6, [1, 4, 5]), '(0+(2+3))');
  t.equal(await shapeOf(4, [0, 1, 2]), '3');
  t.equal(await shapeOf(4, [0, 1, 2, 3]), undefined);
});
