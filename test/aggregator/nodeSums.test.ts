import { test } from 'tap';
import { GradientsUp, sumsWithin } from '../../src/aggregator/gradientsUp.js';
import { NodeSums } from '../../src/aggregator/nodeSums.js';
import { cut } from '../../src/shared/model/slices.js';
import { openKernel } from '../../src/shared/numbers/kernel/kernel.js';
import type { FromWorker, UnitSums } from '../../src/shared/protocol/protocol.js';

/** Sums of nodes on their way up. */

const parameters = 5;
/** Two slices, of three values and two. */
const slices = cut(parameters, 3);

function sumsOf(arrays: number): NodeSums {
  const memory = openKernel({ lengths: new Array<number>(arrays).fill(parameters) });
  const slots = Array.from({ length: arrays }, () => memory.allocate(parameters));
  return new NodeSums(memory, slots, slices);
}

const of = (value: number): Float32Array => new Float32Array(parameters).fill(value);
const shard = (from: number): { from: number; to: number } => ({ from, to: from + 1 });
const first = (values: Float32Array | undefined): number | undefined => values?.[0];

test('slices are complete one by one, in the order in which their shards come', async (t) => {
  const [sum] = sumsOf(6).open([{ from: 0, to: 2 }], new Set([0, 1]));
  sum?.addSlice(shard(1), 1, of(4).subarray(3));
  sum?.addSlice(shard(0), 1, of(1).subarray(3));
  t.equal(sum?.slice(0), undefined);
  t.same([...(sum?.slice(1) ?? [])], [5, 5]);
  sum?.addSlice({ from: 0, to: 2 }, 0, of(7).subarray(0, 3));
  t.same([...(sum?.slice(0) ?? [])], [7, 7, 7]);
});

test('where arrays run out, nodes come one after the other, and what has gone stays as it was', async (t) => {
  // Two for one sum that stays, and two that are used again.
  const sums = sumsOf(4);
  const wanted = new Set([0, 1, 2, 3]);
  t.equal(sums.room, 1);
  const [kept] = sums.open([shard(0)], wanted);
  kept?.add(shard(0), of(1));
  t.equal(sums.room, 0);
  const gone: (Float32Array | undefined)[] = [kept?.slice(0)];
  for (const next of [1, 2, 3]) {
    t.notOk(sums.isSpareTaken);
    const [sum] = sums.open([shard(next)], wanted);
    t.ok(sums.isSpareTaken);
    t.throws(() => sums.open([shard(next)], wanted), RangeError);
    sum?.add(shard(next), of(10 * next));
    gone.push(sum?.slice(0));
    if (sum) sums.done(sum);
  }
  t.same(gone.map(first), [1, 10, 20, 30]);
  sums.free();
  t.equal(sums.room, 1);
});

test('gradients go up one after the other, each in the order of its slices', async (t) => {
  const said: string[] = [];
  const up = new GradientsUp((message: FromWorker) => said.push(wordsFor(message)), slices.length, undefined);
  const [left, right] = sumsOf(12).open([shard(0), shard(1)], new Set([0, 1]));
  if (!left || !right) throw new RangeError('two were opened');
  const sums: UnitSums[] = [{ count: 1, loss: 1, metrics: [], squaredNorm: 1 }];
  let known: UnitSums[] | undefined;
  for (const sum of [left, right]) up.expect({ work: 3, sum, shards: () => known, startedAt: 0, computeMs: () => 1 });
  right.addSlice(shard(1), 0, of(1).subarray(0, 3));
  up.flush();
  t.same(said, [], 'the sums of its shards go with the first slice');
  known = sums;
  up.flush();
  left.add(shard(0), of(2));
  up.flush();
  t.same(said.splice(0), ['gradient 1'], 'the other waits, though it is complete');
  right.addSlice(shard(1), 1, of(1).subarray(3));
  up.flush();
  t.same(said.splice(0), ['gradientSlice 1.1', 'gradient 0', 'gradientSlice 0.1']);
  up.forget();
  up.flush();
  t.same(said, []);
});

function wordsFor(message: FromWorker): string {
  if (message.type === 'gradient') return `gradient ${message.node[0]}`;
  return message.type === 'gradientSlice' ? `gradientSlice ${message.node[0]}.${message.slice}` : message.type;
}

test('the sums of a node are those of its shards that are not empty', async (t) => {
  const sums = [1, 2, 3].map((count) => ({ count, loss: 0, metrics: [], squaredNorm: 0 }));
  const counts = (from: number, to: number): number[] => sumsWithin({ from, to }, sums, [0, 2, 5]).map(({ count }) => count);
  t.same(counts(0, 4), [1, 2]);
  t.same(counts(4, 8), [3]);
  t.same(counts(0, 8), [1, 2, 3]);
});
