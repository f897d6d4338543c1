import fc from 'fast-check';
import { test } from 'tap';
import { bulkMask, bulkWords } from '../../../../src/shared/numbers/random/bulk.js';
import { threefry } from '../../../../src/shared/numbers/random/threefry.js';
import { wordStream } from '../../../../src/shared/numbers/random/wordStream.js';

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const key = fc.tuple(word, word);

function wordOf(of: readonly [number, number], c0: number, c1: number, which: number): number {
  const out = new Uint32Array(2);
  threefry(of, c0, c1, out, 0);
  return out[which] ?? Number.NaN;
}

test('words in bulk are the words of one counter after the other', (t) => {
  fc.assert(
    fc.property(key, word, fc.integer({ min: 0, max: 50 }), (of, first, counters) => {
      const words = bulkWords(of, first, counters);
      return words.length === 2 * counters && words.every((value, i) => value === wordOf(of, first + (i >> 1), 0, i & 1));
    }),
  );
  t.pass('any key, first counter and number');
  t.end();
});

test('a stream goes on over the borders of its blocks', (t) => {
  const next = wordStream([0x13198a2e, 0x03707344]);
  const words = Array.from({ length: 20_001 }, next);
  t.ok(words.every((value, i) => value === wordOf([0x13198a2e, 0x03707344], i >> 1, 0, i & 1)));
  t.end();
});

test('two streams do not disturb each other', (t) => {
  const [a, b] = [wordStream([1, 2]), wordStream([3, 4])];
  for (let i = 0; i < 300; i++) {
    if (a() !== wordOf([1, 2], i >> 1, 0, i & 1) || b() !== wordOf([3, 4], i >> 1, 0, i & 1)) t.fail(`word ${i}`);
  }
  t.end();
});

test('masks in bulk compare the word of sample and unit with the threshold', (t) => {
  const isRight = (of: readonly [number, number], samples: readonly number[], units: number, threshold: number): boolean => {
    const mask = new Float32Array(samples.length * units + 1).fill(-1);
    bulkMask(of, Uint32Array.from(samples), units, threshold, 1.25, mask.subarray(0, -1));
    const expected = (i: number): number =>
      wordOf(of, samples[Math.floor(i / units)] ?? 0, (i % units) >> 1, (i % units) & 1) < threshold ? 0 : 1.25;
    return mask.at(-1) === -1 && mask.subarray(0, -1).every((value, i) => value === expected(i));
  };
  fc.assert(fc.property(key, fc.array(word, { maxLength: 9 }), fc.integer({ min: 1, max: 40 }), word, isRight));
  t.ok(isRight([5, 6], [7, 8, 9], 9_001, 2 ** 31), 'more than one call');
  t.ok(isRight([5, 6], [7, 8], 20_001, 2 ** 31), 'rows longer than a chunk');
  t.end();
});
