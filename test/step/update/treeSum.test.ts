import fc from 'fast-check';
import { test } from 'tap';
import { openKernel } from '../../../src/shared/numbers/kernel/kernel.js';
import { coveringNodes, sumTree, type TreeNode } from '../../../src/step/tree.js';
import { TreePlan } from '../../../src/step/treePlan.js';
import { TreeSum } from '../../../src/step/update/treeSum.js';

const length = 3;
const { kernel, allocate } = openKernel({ lengths: Array(5).fill(length) });
const slots = Array.from({ length: 5 }, () => allocate(length));

/** Values of very different sizes: every order of adding them has a sum of its own. */
function gradientOf(shard: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(shard * 12.9898 + i * 78.233) * 10 ** ((shard * 7 + i) % 9));
}

/** The sum by the plain recursion; a fresh array. */
function plainSum(node: TreeNode, wanted: ReadonlySet<number>): Promise<Float32Array | undefined> {
  return sumTree(
    node,
    async (shard) => (wanted.has(shard) ? gradientOf(shard) : undefined),
    (left, right) => left.map((value, i) => Math.fround(value + (right[i] ?? Number.NaN))),
  );
}

const bitsOf = (values: Float32Array | undefined) => [...new Uint32Array(values?.slice().buffer ?? new ArrayBuffer(0))].join();

test('adds in the order of the tree, not in that of arrival', (t) => {
  const sum = new TreeSum(kernel, slots);
  const values = [1e8, 3, -1e8, 3].map((value) => Float32Array.of(value, value, value));
  sum.start(new TreePlan({ from: 0, to: 4 }, new Set([0, 1, 2, 3])));
  for (const shard of [2, 0, 3, 1]) sum.add({ from: shard, to: shard + 1 }, values[shard] ?? new Float32Array());
  t.same([...sum.result().gradient], [0, 0, 0], '(1e8 + 3) + (-1e8 + 3), where 3 is lost twice');
  t.same([...(values[1] ?? [])], [3, 3, 3], 'what was given is not changed');
  t.end();
});

test('a node stands for all its shards, and a lone one for its parents', (t) => {
  const sum = new TreeSum(kernel, slots);
  sum.start(new TreePlan({ from: 0, to: 8 }, new Set([0, 1, 2, 3, 4, 5, 6, 7])));
  sum.add({ from: 0, to: 8 }, Float32Array.of(1, 2, 3));
  t.same([...sum.result().gradient], [1, 2, 3]);
  sum.start(new TreePlan({ from: 0, to: 8 }, new Set([5])));
  sum.add({ from: 5, to: 6 }, Float32Array.of(4, 5, 6));
  t.same([...sum.result().gradient], [4, 5, 6]);
  sum.start(new TreePlan({ from: 0, to: 8 }, new Set([4, 5])));
  sum.add({ from: 0, to: 8 }, Float32Array.of(7, 8, 9));
  t.same([...sum.result().gradient], [7, 8, 9], 'under the name of an ancestor whose other half is empty');
  t.end();
});

test('has no result before every node has come', (t) => {
  const sum = new TreeSum(kernel, slots);
  sum.start(new TreePlan({ from: 0, to: 2 }, new Set([0, 1])));
  sum.add({ from: 0, to: 1 }, gradientOf(0));
  t.throws(() => sum.result(), new RangeError('the sum is not complete'));
  sum.add({ from: 1, to: 2 }, gradientOf(1));
  t.doesNotThrow(() => sum.result());
  sum.start(new TreePlan({ from: 0, to: 2 }, new Set([0, 1])));
  t.throws(() => sum.result(), new RangeError('the sum is not complete'), 'nor after a new start');
  t.end();
});

test('its result stands in the memory of the kernel', (t) => {
  const sum = new TreeSum(kernel, slots.slice(0, 2));
  for (const shards of [1, 2, 3, 9]) {
    sum.start(new TreePlan({ from: 0, to: shards }, new Set(Array(shards).keys())));
    for (let shard = shards - 1; shard >= 0; shard--) sum.add({ from: shard, to: shard + 1 }, gradientOf(shard));
    t.ok(slots.includes(sum.result().gradient), `${shards} shards`);
  }
  t.end();
});

/** A sum of two or three shards whose gradients are in the kernel's memory, as workers that share it leave them. */
function sharedSum(gradients: readonly (readonly number[])[], bounds: readonly (number | undefined)[]): TreeSum {
  const memory = openKernel({ lengths: Array(gradients.length + 2).fill(length) });
  const sum = new TreeSum(memory.kernel, [memory.allocate(length), memory.allocate(length)]);
  sum.start(new TreePlan({ from: 0, to: gradients.length }, new Set(gradients.keys())));
  for (const [shard, values] of gradients.entries()) {
    const array = memory.allocate(length);
    array.set(values);
    sum.add({ from: shard, to: shard + 1 }, array, bounds[shard]);
  }
  return sum;
}

test('the last addition is left to the reader where the bounds show that it stays finite', (t) => {
  const { gradient, addend, ...rest } = sharedSum(
    [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ],
    [3, 6, 9],
  ).result();
  t.ok(rest.isFinite);
  t.same(
    [...gradient].map((value, i) => value + (addend?.[i] ?? Number.NaN)),
    [12, 15, 18],
  );
  t.end();
});

test('bounds that do not show it, or are not known, have it added up and looked at', (t) => {
  for (const [bounds, value, expected] of [
    [[2e38, 2e38], 2e38, false],
    [[2e38, 2e38], 1, true],
    [[undefined, 1], 1, true],
    [[Number.NaN, 1], Number.NaN, false],
  ] as const) {
    const values = [value, 0, 0];
    const result = sharedSum([values, values], bounds).result();
    t.equal(result.isFinite, expected);
    t.equal(result.addend, undefined);
    t.same(result.gradient[0], Math.fround(Math.fround(value) * 2));
  }
  t.end();
});

test('what comes over a socket is looked at whatever its worker says of it', (t) => {
  const sum = new TreeSum(kernel, slots);
  sum.start(new TreePlan({ from: 0, to: 2 }, new Set([0, 1])));
  sum.add({ from: 0, to: 1 }, Float32Array.of(Number.NaN, 1, 1), 1);
  sum.add({ from: 1, to: 2 }, Float32Array.of(1, 1, 1), 1);
  t.notOk(sum.result().isFinite);
  t.end();
});

/**
 * A step: which shards have samples, where the workers' ranges end, the order of arrival, the number of slots, and ranges
 * that come besides, since a worker was lost that had sent some of what it should.
 */
const step = fc
  .integer({ min: 1, max: 33 })
  .chain((shards) =>
    fc.record({
      isWanted: fc.array(fc.boolean(), { minLength: shards, maxLength: shards }),
      cuts: fc.array(fc.nat(shards), { maxLength: 6 }),
      order: fc.array(fc.nat(), { minLength: 2 * shards, maxLength: 2 * shards }),
      slotCount: fc.integer({ min: 2, max: 5 }),
      again: fc.array(fc.tuple(fc.nat(shards - 1), fc.integer({ min: 1, max: shards }), fc.nat()), { maxLength: 4 }),
    }),
  )
  .filter(({ isWanted }) => isWanted.includes(true));

test('the sum is bit for bit that of the tree, for any split, order of arrival, number of slots and repetition', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), async (steps) => {
      // Kept over several steps, so that a slot lost in one is missed in the next.
      const sums = new Map([2, 3, 4, 5].map((count) => [count, new TreeSum(kernel, slots.slice(0, count))]));
      for (const { isWanted, cuts, order, slotCount, again } of steps) {
        const shards = isWanted.length;
        const wanted = new Set(isWanted.flatMap((is, shard) => (is ? [shard] : [])));
        const edges = [0, ...cuts, shards].sort((a, b) => a - b);
        const nodes = edges.flatMap((edge, i) => coveringNodes(edge, edges[i + 1] ?? edge, shards));
        const ranked = nodes.map((node, i) => ({ node, rank: order[i] ?? 0 }));
        for (const [from, length, rank] of again) {
          for (const node of coveringNodes(from, Math.min(from + length, shards), shards)) ranked.push({ node, rank });
        }
        const arrivals = await Promise.all(ranked.map(async (each) => ({ ...each, values: await plainSum(each.node, wanted) })));
        const sum = sums.get(slotCount);
        sum?.start(new TreePlan({ from: 0, to: shards }, wanted));
        for (const { node, values } of arrivals.sort((a, b) => a.rank - b.rank)) if (values) sum?.add(node, values);
        if (bitsOf(sum?.result().gradient) !== bitsOf(await plainSum({ from: 0, to: shards }, wanted))) return false;
      }
      return true;
    }),
    { numRuns: 1_000 },
  );
  t.pass('any step');
});
