import fc from 'fast-check';
import { test } from 'tap';
import { allocationBytes, maxArrays, openKernel } from '../../../src/shared/kernel/kernel.js';
import { twin } from '../../../src/shared/kernel/twin.js';

const { kernel, allocate } = openKernel([10_000, 10_000, 10_000, 10_000, 10_000]);
const slots = [allocate(10_000), allocate(10_000), allocate(10_000), allocate(10_000), allocate(10_000)];

/** Values of all sizes, denormals and exact zeros included. */
const values = (length: number) =>
  fc.array(fc.oneof(fc.float({ noNaN: true, min: -8, max: 8 }), fc.constantFrom(0, 1e-31, -3e-39, 1e-20)), {
    minLength: length,
    maxLength: length,
  });

const arrays = fc.integer({ min: 1, max: 9_000 }).chain((length) => {
  const row = fc
    .tuple(values(Math.min(length, 37)), fc.integer({ min: 1, max: 7 }))
    .map(([part, factor]) => Float32Array.from({ length }, (_, i) => (part[i % part.length] ?? 0) * (1 + (i % factor))));
  return fc.tuple(row, row, row, row, row);
});

/** Runs a pass by both kernels on the same values and gives what it wrote and returned. */
function both(
  input: readonly Float32Array[],
  pass: (k: typeof kernel, a: Float32Array, b: Float32Array, c: Float32Array, d: Float32Array, e: Float32Array) => unknown,
) {
  const [a, b, c, d, e] = input.map((array) => array.slice()) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const views = input.map((array, i) => {
    const slot = slots[i] ?? new Float32Array();
    slot.fill(Number.NaN);
    slot.set(array);
    return slot.subarray(0, array.length);
  }) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const expected = pass(twin, a, b, c, d, e);
  const got = pass(kernel, ...views);
  return {
    expected: [expected, a, b, c, d, e],
    got: [got, ...views.map((view) => view.slice())],
    behind: views.map((view) => slots[views.indexOf(view)]?.[view.length]),
  };
}

const passes: Record<string, Parameters<typeof both>[1]> = {
  add: (k, a, b) => k.add(a, b),
  squaredNorm: (k, a) => k.squaredNorm(a),
  absoluteSum: (k, a) => k.absoluteSum(a),
  average: (k, a, b) => k.average(a, b, 31, { l1: 0.02, l2: 0.01 }),
  clip: (k, a) => k.clip(a, 0.7, 1.5),
  adam: (k, a, b, c, d, e) =>
    k.adam(
      {
        weights: a,
        next: b,
        gradient: c,
        m: d,
        v:
          e.map(Math.abs) &&
          (e.forEach((x, i) => {
            e[i] = Math.abs(x);
          }),
          e),
      },
      0.003,
      0.9,
      0.999,
      1e-7,
      0.0001,
    ),
  sgd: (k, a, b, c) => k.sgd({ weights: a, next: b, gradient: c }, 0.1),
  momentum: (k, a, b, c, d) => k.momentum({ weights: a, next: b, gradient: c, m: d }, 0.1, 0.9, false),
  nesterov: (k, a, b, c, d) => k.momentum({ weights: a, next: b, gradient: c, m: d }, 0.1, 0.9, true),
  rmsprop: (k, a, b, c, d, e) => {
    e.forEach((x, i) => {
      e[i] = Math.abs(x);
    });
    k.rmsprop({ weights: a, next: b, gradient: c, m: d, v: e }, 0.01, 0.9, 0.5, 1e-7);
  },
};

for (const [name, pass] of Object.entries(passes)) {
  test(`${name}: the SIMD kernel gives the twin's bits`, async (t) => {
    fc.assert(
      fc.property(arrays, (input) => {
        const { expected, got, behind } = both(input, pass);
        return (
          expected.every(
            (part, i) =>
              Object.is(part, got[i]) ||
              (part instanceof Float32Array && Buffer.from(part.buffer).equals(Buffer.from((got[i] as Float32Array).buffer))),
          ) && behind.every((value) => value === undefined || Number.isNaN(value))
        );
      }),
      { numRuns: 40 },
    );
    t.pass();
  });
}

test('a moment near zero becomes zero, not a denormal', async (t) => {
  const m = Float32Array.of(1e-30, 1.2e-30);
  twin.momentum({ weights: new Float32Array(2), next: new Float32Array(2), gradient: new Float32Array(2), m }, 1, 0.9, false);
  t.equal(m[0], 0);
  t.not(m[1], 0);
});

test('a value that is not finite shows in the norm', async (t) => {
  const [slot = new Float32Array()] = slots;
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    slot.fill(1);
    slot[4_097] = bad;
    t.notOk(Number.isFinite(kernel.squaredNorm(slot)));
  }
  slot.fill(3e38);
  t.ok(Number.isFinite(kernel.squaredNorm(slot)), 'squares of large values do not overflow');
});

test('memory is bounded and arrays do not touch', async (t) => {
  t.equal(allocationBytes(4), 64);
  t.equal(allocationBytes(13), 128, 'a whole vector may be read behind the end');
  t.equal(maxArrays(100_000_000), 10);
  t.throws(() => openKernel([2 ** 30, 2 ** 30]), {
    message: '8.0 GiB of weights, moments and gradients do not fit into the 4 GiB of one kernel',
  });
  t.throws(() => kernel.add(new Float32Array(4), new Float32Array(4)), { message: /outside the kernel's memory/ });
});
