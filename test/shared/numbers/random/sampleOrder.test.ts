import fc from 'fast-check';
import { test } from 'tap';
import { blockSizeFor, sampleOrder } from '../../../../src/shared/numbers/random/sampleOrder.js';

const whole32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

test('every epoch sees every sample once', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 500 }), whole32, fc.nat(1000), (count, seed, epoch) => {
      const sorted = sampleOrder(count, seed, epoch, true, 16).sort();
      return sorted.length === count && sorted.every((sample, i) => sample === i);
    }),
  );
  t.pass('a permutation');
  t.end();
});

test('an order is what it was in earlier versions', (t) => {
  t.same([...sampleOrder(10, 1, 0, true, 16)], [4, 5, 0, 3, 1, 6, 9, 2, 8, 7]);
  t.same([...sampleOrder(10, 1, 1, true, 16)], [9, 1, 3, 7, 4, 8, 6, 2, 0, 5]);
  t.end();
});

test('an order follows from its seed and epoch, and changes with either', (t) => {
  const order = sampleOrder(100, 1, 0, true, 16);
  t.same(sampleOrder(100, 1, 0, true, 16), order);
  t.notSame(sampleOrder(100, 1, 1, true, 16), order);
  t.notSame(sampleOrder(100, 2, 0, true, 16), order);
  t.end();
});

test('without shuffling samples keep the order of the file', (t) => {
  t.same([...sampleOrder(5, 1, 3, false, 16)], [0, 1, 2, 3, 4]);
  t.end();
});

test('all orders of four samples are equally likely', (t) => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 24_000; epoch++) {
    const order = sampleOrder(4, 7, epoch, true, 16).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  t.equal(counts.size, 24);
  t.ok(chiSquare < 41.6, `chi-square of 23 degrees of freedom is ${chiSquare}; one in a hundred is above 41.6`);
  t.end();
});

test('in blocks every epoch sees every sample once, from a few blocks at a time', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2_000 }), whole32, fc.nat(1000), fc.constantFrom(1, 16, 64), (count, seed, epoch, blockSize) => {
      const order = sampleOrder(count, seed, epoch, 'blocks', blockSize);
      // The samples of a block are no further apart than 16 blocks are long.
      const places = new Map<number, number[]>();
      for (const [place, sample] of order.entries()) {
        const block = Math.floor(sample / blockSize);
        places.set(block, [...(places.get(block) ?? []).slice(0, 1), place]);
      }
      for (const [first = 0, last = first] of places.values()) if (last - first >= 16 * blockSize) return false;
      return order
        .slice()
        .sort()
        .every((sample, i) => sample === i);
    }),
  );
  t.pass('a permutation');
  t.notSame(sampleOrder(2_000, 1, 0, 'blocks', 16), sampleOrder(2_000, 1, 1, 'blocks', 16), 'another every epoch');
  t.same([...sampleOrder(10, 1, 0, 'blocks', 4)], [2, 0, 1, 4, 6, 8, 3, 9, 7, 5], 'as in earlier versions');
  t.same([784, 2, 3_000_000].map(blockSizeFor), [1_024, 524_288, 16]);
  t.end();
});
