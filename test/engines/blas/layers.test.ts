import fc from 'fast-check';
import { test } from 'tap';
import { openLayers } from '../../../src/engines/blas/layers.js';

const length = 37;
const layers = openLayers([length, length, length], length);
const [z, targets, gradient] = [layers.allocate(length), layers.allocate(length), layers.allocate(length)] as const;

/** Differs by no more than rounding to float32, and the last digit of a denormal one. */
function isClose(got: number, expected: number): boolean {
  if (Number.isNaN(expected) || got === expected) return Object.is(Math.abs(got), Math.abs(expected));
  return Math.abs(got - expected) <= Math.abs(expected) * 1.2e-7 + 1.5e-45;
}

const pointwise = {
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  elu: (x: number) => (x > 0 ? x : Math.expm1(x)),
} as const;

const value = fc.oneof(
  fc.float({ noNaN: true, min: -120, max: 120 }),
  fc.float(),
  fc.float({ min: Math.fround(-2e-3), max: Math.fround(2e-3) }),
);

for (const [name, expected] of Object.entries(pointwise)) {
  test(`${name} is right to a rounding, from the smallest to the infinite, and touches nothing behind`, (t) => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: length - 1 }), (values) => {
        z.fill(-7).set(values);
        layers[name as keyof typeof pointwise](z, values.length);
        return values.every((x, i) => isClose(z[i] ?? 0, expected(Math.fround(x)))) && z.subarray(values.length).every((x) => x === -7);
      }),
      { numRuns: 1_000 },
    );
    t.pass();
    t.end();
  });
}

function softmaxOf(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

test('softmax is right row by row, for any number of columns', (t) => {
  const rows = fc.integer({ min: 1, max: 9 }).chain((columns) => {
    const row = fc.array(fc.float({ noNaN: true, min: -300, max: 300 }), { minLength: columns, maxLength: columns });
    return fc.array(row, { minLength: 1, maxLength: 4 });
  });
  fc.assert(
    fc.property(rows, (logits) => {
      z.fill(-7).set(logits.flat());
      layers.softmax(z, logits.length, logits[0]?.length ?? 0);
      return logits.flatMap(softmaxOf).every((p, i) => isClose(z[i] ?? 0, p)) && z.subarray(logits.flat().length).every((x) => x === -7);
    }),
    { numRuns: 1_000 },
  );
  t.pass();
  t.end();
});

test('the cross entropy leaves the softmax, and its gradient', (t) => {
  const logits = [1, -2, 3, 0.5, 0, 100];
  const wanted = [0, 0, 1, 0.25, 0.5, 0.25];
  z.set(logits);
  targets.set(wanted);
  const loss = layers.softmaxCrossentropy(z, targets, gradient, 2, 3);
  const p = [...softmaxOf(logits.slice(0, 3)), ...softmaxOf(logits.slice(3))];
  const expected = wanted.reduce((sum, target, i) => sum - target * (i < 3 ? Math.log(p[i] ?? 0) : 0), 0) + 0.25 * 99.5 + 0.5 * 100;
  t.ok(Math.abs(loss - expected) < 1e-5, `${loss} for ${expected}`);
  t.ok(p.every((value, i) => isClose(z[i] ?? 0, value)));
  t.ok(p.every((value, i) => Math.abs((gradient[i] ?? 0) - (value - (wanted[i] ?? 0))) < 1e-7));
  t.end();
});

test('a logit that is no number makes its row one, and no other', (t) => {
  z.set([1, Number.NaN, 2, 3]);
  targets.set([1, 0, 1, 0]);
  t.ok(Number.isNaN(layers.softmaxCrossentropy(z, targets, gradient, 2, 2)));
  t.same([...gradient.subarray(0, 4)].map(Number.isNaN), [true, true, false, false]);
  z.set([Number.NEGATIVE_INFINITY, 0]);
  layers.softmax(z, 1, 2);
  t.same([...z.subarray(0, 2)], [0, 1]);
  t.end();
});
