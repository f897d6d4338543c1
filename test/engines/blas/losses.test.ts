import fc from 'fast-check';
import { test } from 'tap';
import { openLayers } from '../../../src/engines/blas/layers.js';
import { lossOf } from '../../../src/engines/reference/loss.js';

const length = 1_700;
const layers = openLayers([length, length, length], length);
const [given, targets, gradient] = [layers.allocate(length), layers.allocate(length), layers.allocate(length)] as const;

const numbers = fc.oneof(
  fc.float({ noNaN: true, min: -80, max: 80 }),
  fc.float({ noNaN: true, min: Math.fround(-1e-3), max: Math.fround(1e-3) }),
);

/** Outputs and targets of a few samples; sometimes more columns than the logarithms of one product stand for. */
const batch = fc
  .record({ rows: fc.integer({ min: 1, max: 3 }), columns: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 500, max: 560 })) })
  .chain(({ rows, columns }) => {
    const pattern = fc.array(fc.tuple(numbers, fc.float({ noNaN: true, min: 0, max: 1 })), { minLength: 11, maxLength: 11 });
    return pattern.map((pairs) => {
      const at = (i: number): readonly [number, number] => pairs[(i * 7) % 11] ?? [0, 0];
      const values = Array.from({ length: rows * columns }, (_, i) => at(i));
      return { rows, columns, outputs: values.map(([output]) => output), wanted: values.map(([, target]) => target) };
    });
  });

const names = ['meanSquaredError', 'meanAbsoluteError', 'sigmoidCrossentropy'] as const;

for (const name of names) {
  test(`${name}: the reference's loss and gradient, and nothing behind is touched`, (t) => {
    fc.assert(
      fc.property(batch, ({ rows, columns, outputs, wanted }) => {
        const count = rows * columns;
        given.fill(-7).set(outputs);
        targets.fill(-7).set(wanted);
        gradient.fill(-7);
        const expected = lossOf(name, Float64Array.from(given.subarray(0, count)), Float64Array.from(targets.subarray(0, count)), columns);
        const loss = layers[name](given, targets, gradient, rows, columns);
        const isExact = name !== 'sigmoidCrossentropy';
        const isNear = Math.abs(loss - expected.sum) <= 1e-11 * Math.abs(expected.sum) + 1e-12;
        return (
          (isExact ? loss === expected.sum : isNear) &&
          expected.gradient.every((value, i) => {
            const got = gradient[i] ?? Number.NaN;
            return got === Math.fround(value) || (!isExact && Math.abs(got - value) <= 1.3e-7 * Math.abs(value) + 1e-13);
          }) &&
          [given, targets, gradient].every((array) => array.subarray(count).every((value) => value === -7))
        );
      }),
      { numRuns: 300 },
    );
    t.pass();
    t.end();
  });

  test(`${name}: what is not finite shows in the loss`, (t) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      given.fill(0.5);
      targets.fill(0.25);
      given[3] = bad;
      t.notOk(Number.isFinite(layers[name](given, targets, gradient, 2, 3)));
      t.ok(Number.isFinite(gradient[0] ?? Number.NaN), 'and not in the rows before');
    }
    t.end();
  });
}

test('the cross entropy of sigmoids leaves them', (t) => {
  const logits = [-100, -1, 0, 2, 100];
  given.set(logits);
  targets.fill(1);
  layers.sigmoidCrossentropy(given, targets, gradient, 1, logits.length);
  for (const [i, z] of logits.entries()) t.equal(given[i], Math.fround(1 / (1 + Math.exp(-z))));
  t.end();
});
