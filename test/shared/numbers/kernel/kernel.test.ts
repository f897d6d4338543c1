import fc from 'fast-check';
import { test } from 'tap';
import { averaged, type Kernel, openKernel, type UpdateArrays } from '../../../../src/shared/numbers/kernel/kernel.js';
import { twin } from '../../../../src/shared/numbers/kernel/twin.js';

const capacity = 40_000;
const names = ['weights', 'next', 'gradient', 'm', 'v', 'nextM', 'nextV'] as const;
const { kernel, allocate } = openKernel({ lengths: names.map(() => capacity) });
const slots = eachArray(() => allocate(capacity));

/** Values of all sizes, denormals and exact zeros included. */
const value = fc.oneof(fc.float({ noNaN: true, min: -8, max: 8 }), fc.constantFrom(0, 1e-31, -3e-39, 1e-20));

const arrays: fc.Arbitrary<UpdateArrays> = fc.integer({ min: 1, max: 36_000 }).chain((length) => {
  const row = fc
    .array(value, { minLength: 37, maxLength: 37 })
    .map((part) => Float32Array.from({ length }, (_, i) => (part[i % 37] ?? 0) * (1 + (i % 5))));
  const positive = row.map((values) => values.map(Math.abs));
  return fc.record({ weights: row, next: row, gradient: row, m: row, v: positive, nextM: row, nextV: row });
});

const passes: Readonly<Record<string, (k: Kernel, arrays: UpdateArrays) => unknown>> = {
  add: (k, { gradient, next }) => k.add(gradient, next),
  squaredNorm: (k, { gradient }) => k.squaredNorm(gradient),
  roughSquaredNorm: (k, { gradient }) => k.roughSquaredNorm(gradient),
  absoluteSum: (k, { weights }) => k.absoluteSum(weights),
  average: (k, { gradient, weights }) => k.average(gradient, weights, 31, { l1: 0.02, l2: 0.01 }),
  clip: (k, { gradient }) => k.clip(gradient, 0.7, 1.5),
  adam: (k, a) => k.adam(a, averaged, 0.003, 0.9, 0.999, 1e-7, 0),
  'adam of a sum': (k, a) => k.adam(a, { count: 3, penalty: { l1: 0.01, l2: 0.02 } }, 0.003, 0.9, 0.999, 1e-7, 0),
  'adam of a sum to add up': (k, a) => k.adam(a, { addend: a.next, ...averaged }, 0.003, 0.9, 0.999, 1e-7, 0),
  adamw: (k, a) => k.adam(a, averaged, 0.003, 0.9, 0.999, 1e-7, 0.0001),
  sgd: (k, a) => k.sgd(a, 0.1),
  momentum: (k, a) => k.momentum(a, 0.1, 0.9, false),
  nesterov: (k, a) => k.momentum(a, 0.1, 0.9, true),
  rmsprop: (k, a) => k.rmsprop(a, 0.01, 0.9, 0.5, 1e-7),
};

for (const [name, pass] of Object.entries(passes)) {
  test(`${name}: the SIMD kernel gives the twin's bits and touches nothing else`, async (t) => {
    fc.assert(
      fc.property(arrays, (input) => {
        const expected = copyOf(input);
        const got = inSlots(input);
        const results = [pass(twin, expected), pass(kernel, got)];
        return (
          Object.is(results[0], results[1]) && names.every((key) => hasSameBits(expected[key], got[key]) && isUntouchedBehind(got, key))
        );
      }),
      { numRuns: 40 },
    );
    t.pass();
  });
}

function eachArray(make: (name: keyof UpdateArrays) => Float32Array): UpdateArrays {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as unknown as UpdateArrays;
}

function copyOf(input: UpdateArrays): UpdateArrays {
  return eachArray((name) => input[name].slice());
}

/** The values in the kernel's memory, with NaN behind them. */
function inSlots(input: UpdateArrays): UpdateArrays {
  return eachArray((key) => {
    slots[key].fill(Number.NaN).set(input[key]);
    return slots[key].subarray(0, input[key].length);
  });
}

function hasSameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
}

function isUntouchedBehind(got: UpdateArrays, key: (typeof names)[number]): boolean {
  return Number.isNaN(slots[key][got[key].length]);
}

test('a moment near zero becomes zero, not a denormal', async (t) => {
  const m = Float32Array.of(1e-30, 1.2e-30);
  const zeros = eachArray(() => new Float32Array(2));
  // In place, as an optimizer does where nobody asks for the last moments.
  twin.momentum({ ...zeros, m, nextM: m }, 1, 0.9, false);
  t.equal(m[0], 0);
  t.not(m[1], 0);
});

test('a value that is not finite shows in the norm', async (t) => {
  const { gradient } = slots;
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    gradient.fill(1);
    gradient[4_097] = bad;
    t.notOk(Number.isFinite(kernel.squaredNorm(gradient)));
  }
  gradient.fill(3e38);
  t.ok(Number.isFinite(kernel.squaredNorm(gradient)), 'squares of large values do not overflow');
});

test('tells the values that are no finite numbers, wherever they are', (t) => {
  for (const length of [1, 3, 4, 5, 4_097]) {
    const values = slots.gradient.subarray(0, length);
    values.fill(3e38);
    // What stands behind the values is not asked for.
    slots.gradient[length] = Number.NaN;
    t.ok(kernel.isFinite(values) && twin.isFinite(values));
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const place of new Set([0, length >> 1, length - 1])) {
        values[place] = bad;
        t.notOk(kernel.isFinite(values) || twin.isFinite(values));
        values[place] = 0;
      }
    }
  }
  slots.gradient.fill(0);
  t.end();
});

test('one pass of Adam over a sum is the average and Adam over it', (t) => {
  const copy = (): UpdateArrays => {
    const array = (seed: number): Float32Array => Float32Array.from({ length: 1_001 }, (_, i) => Math.sin(seed * i + seed));
    return eachArray((name) => (name === 'v' ? array(5).map(Math.abs) : array(1 + names.indexOf(name))));
  };
  const [one, two] = [copy(), copy()];
  const penalty = { l1: 0.01, l2: 0.02 };
  twin.adam(one, { count: 3, penalty }, 0.003, 0.9, 0.999, 1e-7, 0);
  twin.average(two.gradient, two.weights, 3, penalty);
  twin.adam(two, averaged, 0.003, 0.9, 0.999, 1e-7, 0);
  t.same([one.next, one.nextM, one.nextV], [two.next, two.nextM, two.nextV]);
  t.end();
});
