import fc from 'fast-check';
import { test } from 'tap';
import { type MaskPlace, writeDropoutMask } from '../../../../src/shared/numbers/random/dropoutMask.js';

const place: MaskPlace = { seed: 1, step: 0, layer: 0 };

function maskOf(samples: readonly number[], units: number, rate: number, at: MaskPlace = place): Float32Array {
  const mask = new Float32Array(samples.length * units).fill(Number.NaN);
  writeDropoutMask(mask, Uint32Array.from(samples), units, rate, at);
  return mask;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test('a mask is what it was in earlier versions', (t) => {
  t.same([...maskOf([0, 7, 4], 4, 0.5)], [0, 2, 2, 0, 0, 2, 2, 2, 0, 0, 0, 2]);
  t.end();
});

test('zeroes the asked fraction and scales the rest', (t) => {
  for (const rate of [0.1, 0.25, 0.5, 0.9]) {
    const mask = maskOf(upTo(500), 101, rate);
    const zeros = mask.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
    const deviation = Math.sqrt((rate * (1 - rate)) / mask.length);
    t.ok(Math.abs(zeros / mask.length - rate) < 4 * deviation, `rate ${rate}: ${zeros} zeros of ${mask.length}`);
    t.same(new Set(mask), new Set([0, Math.fround(1 / (1 - rate))]), `rate ${rate}: values`);
  }
  t.end();
});

test('drops nothing at rate 0', (t) => {
  t.same(new Set(maskOf(upTo(50), 7, 0)), new Set([1]));
  t.end();
});

test('a sample has the same mask in any shard', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(1e6), { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 9 }), fc.nat(), (samples, units, cut) => {
      const split = cut % samples.length;
      const whole = maskOf(samples, units, 0.4);
      const parts = [...maskOf(samples.slice(0, split), units, 0.4), ...maskOf(samples.slice(split), units, 0.4)];
      return whole.every((value, i) => value === parts[i]);
    }),
  );
  t.pass('split anywhere');
  t.end();
});

test('seed, step, layer and sample change the mask', (t) => {
  const mask = maskOf([3], 64, 0.5);
  t.same(maskOf([3], 64, 0.5), mask);
  t.notSame(maskOf([4], 64, 0.5), mask);
  t.notSame(maskOf([3], 64, 0.5, { ...place, seed: 2 }), mask);
  t.notSame(maskOf([3], 64, 0.5, { ...place, step: 1 }), mask);
  t.notSame(maskOf([3], 64, 0.5, { ...place, step: 2 ** 32 }), mask);
  t.notSame(maskOf([3], 64, 0.5, { ...place, layer: 1 }), mask);
  t.end();
});
