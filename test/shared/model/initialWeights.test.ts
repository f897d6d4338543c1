import { test } from 'tap';
import { initialWeights } from '../../../src/shared/model/initialWeights.js';
import { parameterLayout } from '../../../src/shared/model/layout.js';
import type { Initializer } from '../../../src/shared/model/spec.js';

const plain = { l1: 0, l2: 0 };

function kernel(shape: readonly number[], initializer: Initializer, seed = 1): Float32Array {
  return initialWeights(parameterLayout([{ name: 'kernel', shape, initializer, regularizer: plain, trainable: true }]), seed);
}

function moments(values: Float32Array): { mean: number; variance: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance, largest: values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) };
}

// 100 inputs and 200 units: Glorot's variance is 2 / 300, He's 2 / 100. A uniform is bounded by sqrt(3 * variance),
// a normal by twice the deviation that it had before it was cut.
const cut = 2 / 0.87962566103423978;
const expectations: readonly { initializer: Initializer; variance: number; limit: number }[] = [
  { initializer: 'glorotUniform', variance: 2 / 300, limit: Math.sqrt(6 / 300) },
  { initializer: 'heUniform', variance: 2 / 100, limit: Math.sqrt(6 / 100) },
  { initializer: 'glorotNormal', variance: 2 / 300, limit: cut * Math.sqrt(2 / 300) },
  { initializer: 'heNormal', variance: 2 / 100, limit: cut * Math.sqrt(2 / 100) },
];

for (const { initializer, variance, limit } of expectations) {
  test(`${initializer} has Keras's mean, variance and limit`, (t) => {
    const got = moments(kernel([100, 200], initializer));
    // Of 20,000 values: five standard errors of the mean, and 5 % of the variance, which is over four of its.
    t.ok(Math.abs(got.mean) < 5 * Math.sqrt(variance / 20_000), `mean ${got.mean}`);
    t.ok(Math.abs(got.variance / variance - 1) < 0.05, `variance ${got.variance}, expected ${variance}`);
    t.ok(got.largest <= Math.fround(limit), `largest ${got.largest}, limit ${limit}`);
    t.ok(got.largest > 0.99 * limit, `largest ${got.largest}, limit ${limit}`);
    t.end();
  });
}

test('weights are what they were in earlier versions', (t) => {
  const expected = [0.7840834, -0.6168494, 0.5570547, -0.4962975, 0.1254305, -0.5781332];
  t.same(
    [...kernel([2, 3], 'glorotUniform')].map((weight) => Math.round(weight * 1e7) / 1e7),
    expected,
  );
  t.end();
});

test('zeros are zeros', (t) => {
  t.same([...kernel([2, 2], 'zeros')], [0, 0, 0, 0]);
  t.end();
});

test('weights follow from seed and place: a parameter does not change with those behind it', (t) => {
  const part = (name: string, units: number) =>
    ({ name, shape: [3, units], initializer: 'heNormal', regularizer: plain, trainable: true }) as const;
  const two = initialWeights(parameterLayout([part('a', 2), part('b', 2)]), 5);
  t.same(initialWeights(parameterLayout([part('a', 2), part('b', 2)]), 5), two);
  t.same(initialWeights(parameterLayout([part('a', 2), part('b', 4)]), 5).subarray(0, 6), two.subarray(0, 6));
  t.notSame(two.subarray(0, 6), two.subarray(6), 'equal parameters in two places');
  t.notSame(initialWeights(parameterLayout([part('a', 2), part('b', 2)]), 6), two, 'another seed');
  t.end();
});
