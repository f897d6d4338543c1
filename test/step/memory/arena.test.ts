import { test } from 'tap';
import { Arena, type ArenaShape, arenaBytes } from '../../../src/step/memory/arena.js';

const shape: ArenaShape = { parameters: 10, workers: 3, shards: 5, metrics: 2 };
const open = (): Arena[] => {
  const area = new Uint8Array(arenaBytes(shape));
  return [new Arena(area, shape), new Arena(area, shape)];
};

test('what one side asks and the other answers arrives as it was said', (t) => {
  const [coordinator, worker] = open();
  const request = { work: 2 ** 40, weights: 1, nodes: [{ from: 0, to: 4 }] };
  const batch = (step: number) => ({ step, epoch: 1, from: 32, to: 64 });
  const sums = { count: 3, loss: Number.NaN, squaredNorm: Number.POSITIVE_INFINITY, metrics: [0.5, -0] };
  const answer = { work: 2 ** 40, node: { from: 0, to: 4 }, startedAt: 7.5, computeMs: 0.25, gradient: 1, shards: new Array(5).fill(sums) };
  for (let slot = 0; slot < shape.workers; slot++) {
    t.ok(coordinator?.channels[slot]?.ask({ ...request, batch: batch(slot) }));
    t.ok(worker?.channels[slot]?.answer({ ...answer, computeMs: slot }));
  }
  for (let slot = 0; slot < shape.workers; slot++) {
    t.strictSame(worker?.channels[slot]?.takeRequest(), { ...request, batch: batch(slot) });
    t.strictSame(coordinator?.channels[slot]?.takeAnswer(), { ...answer, computeMs: slot });
    t.equal(coordinator?.channels[slot]?.takeAnswer(), undefined);
  }
  t.end();
});

test('more nodes than a request holds are for a message', (t) => {
  const [coordinator] = open();
  const nodes = Array.from({ length: 17 }, (_, i) => ({ from: i, to: i + 1 }));
  t.notOk(coordinator?.channels[0]?.ask({ work: 0, batch: { step: 0, epoch: 0, from: 0, to: 32 }, weights: 0, nodes }));
  t.end();
});

test('large networks keep one gradient a worker, so that more of them share memory', (t) => {
  // Some workers own two nodes of these trees, as [1, 2) and [2, 3).
  const large = { parameters: 20_000_000, workers: 16, shards: 24, metrics: 1 };
  t.ok(arenaBytes({ ...large, workers: 8, shards: 12 }) > 17 * 80e6, 'two each for eight');
  t.ok(arenaBytes(large) < 20 * 80e6, 'one each for sixteen');
  t.end();
});

test('no two arrays share a byte', (t) => {
  const [arena] = open();
  const arrays = [...(arena?.weights ?? []), ...(arena?.channels ?? []).flatMap(({ gradients }) => gradients)];
  t.equal(arrays.length, 2 + 3 * 2);
  for (const [i, array] of arrays.entries()) array.fill(i);
  // Mailboxes stand between them: whatever they say changes no array.
  for (const channel of arena?.channels ?? []) {
    for (let i = 0; i < 16; i++) {
      channel.ask({ work: 9, batch: { step: 9, epoch: 9, from: 9, to: 9 }, weights: 9, nodes: [] });
      channel.answer({ work: 9, node: { from: 9, to: 9 }, startedAt: 9, computeMs: 9, gradient: 9, shards: [] });
    }
  }
  for (const [i, array] of arrays.entries()) t.ok(array.every((value) => value === i));
  t.end();
});
