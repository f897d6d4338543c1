import { test } from 'tap';
import { neverTrained } from '../../../src/data/samples/classesApart.js';
import { checkTargets, outOfReach, sparseTargets, targetEncoding } from '../../../src/data/samples/targets.js';
import { type Activation, losses } from '../../../src/shared/model/spec.js';
import { DataError } from '../../../src/shared/text/errors.js';
import { memoryDataset } from '../../fixtures/memoryDataset.js';

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
    floats(3),
    'sparseCategoricalCrossentropy expects one class number a sample, got 3 values: use categoricalCrossentropy for one-hot rows',
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
    ['categoricalCrossentropy', 3, classNumbers, [0], [3], ': expected a class number from 0 to 2, for 3 outputs, got 3'],
    ['sparseCategoricalCrossentropy', 3, classNumbers, [2], [-1], ': expected a class number from 0 to 2, for 3 outputs, got -1'],
    ['binaryCrossentropy', 1, floats(1), [1], [1.5], ': binaryCrossentropy expects values from 0 to 1, got 1.5'],
    ['binaryCrossentropy', 1, floats(1), [0], [-0.1], ': binaryCrossentropy expects values from 0 to 1, got -0.1'],
    ['binaryCrossentropy', 1, classNumbers, [0], [2], ': binaryCrossentropy expects values from 0 to 1, got 2'],
    [
      'categoricalCrossentropy',
      2,
      floats(2),
      [0.5, 0.5],
      [1.5, -0.5],
      ', column 0: categoricalCrossentropy expects values from 0 to 1, got 1.5',
    ],
    ['categoricalCrossentropy', 2, floats(2), [0.5, 0.4995], [0.5, 0.25], ': expected values that add up to 1, got a sum of 0.75'],
    ['meanSquaredError', 2, floats(2), [1e30, -5], [0, Number.NaN], ', column 1: expected a finite float32 number, got NaN'],
    ['meanAbsoluteError', 1, floats(1), [0], [1e39], ': expected a finite float32 number, got Infinity'],
    ['binaryCrossentropy', 1, floats(1), [0], [Number.NEGATIVE_INFINITY], ': expected a finite float32 number, got -Infinity'],
  ] as const;
  for (const [loss, outputs, targets, good, bad, message] of cases) {
    const dataset = memoryDataset(targets, [good, good, bad, bad]);
    t.throws(() => checkTargets(loss, outputs, 'test', dataset), {
      name: 'DataError',
      message: new RegExp(`^test targets, sample 2${message}(; .*)?$`),
    });
    t.doesNotThrow(() => checkTargets(loss, outputs, 'test', memoryDataset(targets, [good, good])), `${loss}: ${good}`);
  }
  t.end();
});

test('a check gives the encoding', (t) => {
  t.same(checkTargets('categoricalCrossentropy', 3, 'train', memoryDataset(classNumbers, [[0], [2]])), { kind: 'oneHot' });
  t.same(checkTargets('meanSquaredError', 1, 'train', memoryDataset(floats(1), [[0]])), { kind: 'values' });
  t.same(checkTargets('meanSquaredError', 2, 'test', memoryDataset(floats(1), [[0]])), { kind: 'oneHot' }, 'whole floats are classes');
  t.throws(() => checkTargets('meanSquaredError', 2, 'test', memoryDataset(floats(1), [[0.5]])), {
    message: /got 0\.5; classes are whole numbers: for measurements use meanSquaredError and a last layer of 1 unit$/,
  });
  t.throws(() => checkTargets('sparseCategoricalCrossentropy', 2, 'train', memoryDataset(classNumbers, [[1], [2]])), {
    message: /got 2; labels seem to start at 1: number classes from 0, or give the last layer more units$/,
  });
  t.end();
});

test('targets that the last activation cannot give', async (t) => {
  const values = { kind: 'values' } as const;
  const note = (activation: Activation, ...rows: number[][]) =>
    outOfReach(activation, values, memoryDataset(floats(rows[0]?.length ?? 1), rows));
  t.equal(note('linear', [16_000], [-5]), undefined);
  t.equal(note('sigmoid', [0], [1]), undefined);
  t.match(
    note('sigmoid', [0.5], [16_000]),
    /^targets go from 0\.5 to 16000, and sigmoid, the last activation, gives only numbers from 0 to 1: /,
  );
  t.match(note('tanh', [-2, 0]), /gives only numbers from -1 to 1/);
  t.match(note('relu', [-1]), /gives only numbers of at least 0/);
  t.equal(outOfReach('softmax', { kind: 'oneHot' }, memoryDataset(classNumbers, [[7]])), undefined);
});

test('classes that only the validation part has', async (t) => {
  const part = (...classes: number[]) =>
    memoryDataset(
      classNumbers,
      classes.map((number) => [number]),
    );
  t.equal(neverTrained(part(0, 1), part(1, 0), undefined), undefined);
  t.match(
    neverTrained(part(0, 1), part(1, 2), undefined),
    /^class 2 has samples only in the part that validates, .*and is never trained on: data\.stratify/,
  );
  t.match(neverTrained(part(1), part(0, 1, 2), ['a', 'b', 'c']), /^classes a, c have samples only .* and are never trained on/);
});
