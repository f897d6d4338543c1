import fc from 'fast-check';
import { test } from 'tap';
import { keyFor, threefry } from '../../../../src/shared/numbers/random/threefry.js';

function encrypted(key: readonly [number, number], c0: number, c1: number): string {
  const out = new Uint32Array(2);
  threefry(key, c0, c1, out, 0);
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ');
}

test('gives the known answers of Random123 for threefry2x32-20', (t) => {
  t.equal(encrypted([0, 0], 0, 0), '6b200159 99ba4efe');
  t.equal(encrypted([0xffffffff, 0xffffffff], 0xffffffff, 0xffffffff), '1cb996fc bb002be7');
  t.equal(encrypted([0x13198a2e, 0x03707344], 0x243f6a88, 0x85a308d3), 'c4923a9c 483df7a0');
  t.end();
});

test('writes only the two words it was asked for', (t) => {
  const out = Uint32Array.of(1, 2, 3, 4);
  threefry([0, 0], 0, 0, out, 1);
  t.same([...out], [1, 0x6b200159, 0x99ba4efe, 4]);
  t.end();
});

test('keys are what they were in earlier versions', (t) => {
  t.same(keyFor(1, 'sampleOrder', 0), [629071667, 2343584484]);
  t.same(keyFor(1, 'dropout', 0, 1), [1494846205, 3342729524]);
  t.same(keyFor(1, 'dropout', 0, 2 ** 32), [3553141223, 4271063366], 'steps beyond 32 bits');
  t.end();
});

test('seeds, purposes, indices and steps have keys of their own', (t) => {
  const place = fc.record({
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    purpose: fc.constantFrom('initialWeights', 'sampleOrder', 'dropout'),
    index: fc.integer({ min: 0, max: 1000 }),
    step: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 2 ** 32 - 2, max: 2 ** 33 })),
  });
  fc.assert(
    fc.property(fc.uniqueArray(place, { minLength: 2, maxLength: 20, selector: (p) => Object.values(p).join() }), (places) => {
      const keys = new Set(places.map(({ seed, purpose, index, step }) => keyFor(seed, purpose, index, step).join()));
      return keys.size === places.length;
    }),
    { seed: 1 },
  );
  t.pass('no two of them shared a key');
  t.end();
});
