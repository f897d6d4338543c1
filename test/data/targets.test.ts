import { test } from 'tap';
import { checkTargets, sparseTargets, targetEncoding } from '../../src/data/targets.js';
import { DataError } from '../../src/shared/errors.js';
import { losses } from '../../src/shared/model/spec.js';
import { memoryDataset } from '../fixtures/memoryDataset.js';

const classNumbers = { width: 1, isClassNumber: true };
const floats = (width: number) => ({ width, isClassNumber: false });

test('class numbers become one-hot rows where there is more than one output', (t) => {
  for (const loss of losses) {
    t.same(targetEncoding(loss, 10, { targets: classNumbers }), { kind: 'oneHot' }, loss);
    t.equal(sparseTargets(loss, 10, { targets: classNumbers }), true, loss);
  }
  t.end();
});

test('values stay as they are where there is one for each output', (t) => {
  for (const loss of ['binaryCrossentropy', 'meanSquaredError', 'meanAbsoluteError'] as const) {
    for (const targets of [classNumbers, floats(1)]) t.same(targetEncoding(loss, 1, { targets }), { kind: 'values' }, loss);
    t.same(targetEncoding(loss, 3, { targets: floats(3) }), { kind: 'values' }, loss);
  }
  t.same(targetEncoding('categoricalCrossentropy', 3, { targets: floats(3) }), { kind: 'values' });
  t.equal(sparseTargets('meanSquaredError', 1, { targets: classNumbers }), false);
  t.end();
});

test('targets that do not fit say how to make them fit', (t) => {
  const refuses = (loss: (typeof losses)[number], outputs: number, targets: typeof classNumbers, message: string): void =>
    void t.throws(() => targetEncoding(loss, outputs, { targets }, 'validation'), new DataError(`validation targets: ${message}`));

  for (const loss of ['categoricalCrossentropy', 'sparseCategoricalCrossentropy'] as const) {
    refuses(
      loss,
      1,
      classNumbers,
      `${loss} expects an output a class, got a network with 1 output: use binaryCrossentropy, or more units in the last layer`,
    );
  }
  refuses(
    'sparseCategoricalCrossentropy',
    3,
    floats(1),
    "sparseCategoricalCrossentropy expects one class number a sample, of an integer type, got one float: save them as integers, y.astype('int32')",
  );
  refuses(
    'sparseCategoricalCrossentropy',
    3,
    floats(3),
    'sparseCategoricalCrossentropy expects one class number a sample, of an integer type, got 3 values: use categoricalCrossentropy for one-hot rows',
  );
  refuses(
    'categoricalCrossentropy',
    10,
    floats(1),
    "expected 10 values a sample, one an output, got one float: save class numbers as integers, y.astype('int32'), or give the last layer 1 unit",
  );
  refuses(
    'meanSquaredError',
    2,
    floats(3),
    'expected 2 values a sample, one an output, got 3: give the last layer 3 units, or the file 2 columns',
  );
  refuses(
    'meanSquaredError',
    1,
    floats(2),
    'expected 1 value a sample, one an output, got 2: give the last layer 2 units, or the file 1 column',
  );
  t.end();
});

test('the first bad target is named', (t) => {
  const cases = [
    ['categoricalCrossentropy', 3, classNumbers, [0], [3], 'expected a class number from 0 to 2, for 3 outputs, got 3'],
    ['sparseCategoricalCrossentropy', 3, classNumbers, [2], [-1], 'expected a class number from 0 to 2, for 3 outputs, got -1'],
    ['binaryCrossentropy', 1, floats(1), [1], [1.5], 'binaryCrossentropy expects values from 0 to 1, got 1.5'],
    ['binaryCrossentropy', 1, floats(1), [0], [-0.1], 'binaryCrossentropy expects values from 0 to 1, got -0.1'],
    ['binaryCrossentropy', 1, classNumbers, [0], [2], 'binaryCrossentropy expects values from 0 to 1, got 2'],
    ['categoricalCrossentropy', 2, floats(2), [0.5, 0.5], [1.5, -0.5], 'categoricalCrossentropy expects values from 0 to 1, got 1.5'],
    ['categoricalCrossentropy', 2, floats(2), [0.5, 0.4995], [0.5, 0.25], 'expected values that add up to 1, got a sum of 0.75'],
    ['meanSquaredError', 2, floats(2), [1e30, -5], [0, Number.NaN], 'expected a finite float32 number, got NaN'],
    ['meanAbsoluteError', 1, floats(1), [0], [1e39], 'expected a finite float32 number, got Infinity'],
    ['binaryCrossentropy', 1, floats(1), [0], [Number.NEGATIVE_INFINITY], 'expected a finite float32 number, got -Infinity'],
  ] as const;
  for (const [loss, outputs, targets, good, bad, message] of cases) {
    const dataset = memoryDataset(targets, [good, good, bad, bad]);
    t.throws(() => checkTargets(loss, outputs, 'test', dataset), new DataError(`test targets, sample 2: ${message}`));
    t.doesNotThrow(() => checkTargets(loss, outputs, 'test', memoryDataset(targets, [good, good])), `${loss}: ${good}`);
  }
  t.end();
});

test('a check gives the encoding', (t) => {
  t.same(checkTargets('categoricalCrossentropy', 3, 'train', memoryDataset(classNumbers, [[0], [2]])), { kind: 'oneHot' });
  t.same(checkTargets('meanSquaredError', 1, 'train', memoryDataset(floats(1), [[0]])), { kind: 'values' });
  t.throws(() => checkTargets('meanSquaredError', 2, 'test', memoryDataset(floats(1), [[0]])), /^test targets: expected 2 values/);
  t.end();
});
