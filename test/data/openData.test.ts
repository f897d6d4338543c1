import { join } from 'node:path';
import { test } from 'tap';
import { fingerprintOf } from '../../src/data/fingerprint.js';
import type { Dataset } from '../../src/data/samples/dataset.js';
import { DataError, UsageError } from '../../src/shared/text/errors.js';
import { idxBytes, npyBytes } from '../fixtures/arrays.js';
import { openData } from '../fixtures/openData.js';

/** Ten samples: x is [i, i + 0.5], y is i. */
const ten = {
  'x.npy': npyBytes(
    '<f4',
    [10, 2],
    Float32Array.from({ length: 20 }, (_, i) => i / 2),
  ),
  'y.npy': npyBytes(
    '<i4',
    [10],
    Int32Array.from({ length: 10 }, (_, i) => i),
  ),
};

function labels(part: Dataset | undefined): number[] {
  const into = new Float32Array(1);
  return Array.from({ length: part?.count ?? 0 }, (_, index) => {
    part?.readTarget(index, into, 0);
    return into[0] ?? Number.NaN;
  });
}

function input(part: Dataset, index: number): number[] {
  const { values, load, finish } = part.inputs(1);
  load(0, index);
  finish(1);
  return [...values];
}

test('a pair of files is a training part', (t) => {
  const folder = t.testdir(ten);
  const data = openData({ x: join(folder, 'x.npy'), y: join(folder, 'y.npy') }, 0);
  t.match(data, {
    train: { count: 10, inputShape: [2], targets: { width: 1, isClassNumber: true } },
    validation: undefined,
    test: undefined,
  });
  t.same(input(data.train, 3), [3, 3.5]);
  t.same(labels(data.train), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  t.end();
});

test('the validation split is the last fraction of the samples taken, as in Keras', (t) => {
  const folder = t.testdir(ten);
  const spec = { x: join(folder, 'x.npy'), y: join(folder, 'y.npy') };
  const counts = (take: number | undefined, split: number): number[][] => {
    const { train, validation } = openData({ ...spec, take }, split);
    return [labels(train), labels(validation)];
  };
  t.same(counts(undefined, 0.2), [
    [0, 1, 2, 3, 4, 5, 6, 7],
    [8, 9],
  ]);
  t.same(
    counts(5, 0.25),
    [
      [0, 1, 2],
      [3, 4],
    ],
    'floor(5 * 0.75) is 3',
  );
  t.same(counts(4, 0), [[0, 1, 2, 3], []]);
  const { validation } = openData(spec, 0.2);
  t.same(validation && input(validation, 1), [9, 9.5]);
  t.end();
});

test('a part reads only its own samples', (t) => {
  const folder = t.testdir(ten);
  const { train, validation } = openData({ x: join(folder, 'x.npy'), y: join(folder, 'y.npy') }, 0.2);
  t.throws(() => input(train, 8), new RangeError('Expected a sample from 0 to 7, got 8'));
  t.throws(() => input(train, -1), RangeError);
  t.throws(() => validation?.readTarget(2, new Float32Array(1), 0), new RangeError('Expected a sample from 0 to 1, got 2'));
  t.end();
});

test('validation and test files, divided as the training inputs are', (t) => {
  const folder = t.testdir({
    x: idxBytes(0x08, [2, 1, 2], [0, 51, 102, 255]),
    y: idxBytes(0x08, [2], [1, 0]),
    vx: idxBytes(0x08, [1, 1, 2], [255, 51]),
    vy: idxBytes(0x08, [1], [1]),
  });
  const at = (name: string): string => join(folder, name);
  const pair = { x: at('vx'), y: at('vy') };
  const data = openData({ x: at('x'), y: at('y'), normalize: { divide: 255 }, validation: pair, test: pair }, 0);
  t.same(data.train.inputShape, [1, 2]);
  t.same(input(data.train, 1), [Math.fround(0.4), 1]);
  for (const part of [data.validation, data.test]) {
    t.same(part && input(part, 0), [1, Math.fround(0.2)]);
    t.same(labels(part), [1]);
  }
  t.end();
});

test('shapes of samples and targets', (t) => {
  const folder = t.testdir({
    numbers: npyBytes('<f8', [2], Float64Array.of(1, 2)),
    column: npyBytes('<i8', [2, 1], BigInt64Array.of(1n, 2n)),
    pairs: npyBytes('|u1', [2, 2], Uint8Array.of(1, 0, 0, 1)),
  });
  const open = (x: string, y: string): Dataset => openData({ x: join(folder, x), y: join(folder, y) }, 0).train;
  t.same(open('numbers', 'numbers').inputShape, [1]);
  t.same(open('numbers', 'numbers').targets, { width: 1, isClassNumber: false });
  t.same(open('numbers', 'column').targets, { width: 1, isClassNumber: true });
  t.same(open('numbers', 'pairs').targets, { width: 2, isClassNumber: false });
  t.end();
});

test('data that do not fit are refused', (t) => {
  const folder = t.testdir({
    ...ten,
    'short.npy': npyBytes('<i4', [9], new Int32Array(9)),
    'pairs.npy': npyBytes('<i4', [10, 2], new Int32Array(20)),
  });
  const x = join(folder, 'x.npy');
  const y = join(folder, 'y.npy');
  const short = join(folder, 'short.npy');
  const pairs = join(folder, 'pairs.npy');
  const refuses = (open: () => unknown, message: string): void => void t.throws(open, new DataError(message));

  refuses(() => openData({ x, y: short }, 0), `${x} has 10 samples but ${short} has 9: expected a target for every input`);
  refuses(() => openData({ x, y, take: 11 }, 0), `${x}: has 10 samples, fewer than the 11 to take`);
  refuses(() => openData({ x, y, test: { x: y, y } }, 0), `${y}: expected samples of shape [2], as in ${x}, got [1]`);
  refuses(() => openData({ x, y, validation: { x: y, y } }, 0), `${y}: expected samples of shape [2], as in ${x}, got [1]`);
  refuses(() => openData({ x, y, test: { x, y: pairs } }, 0), `${pairs}: expected targets of width 1, as in ${y}, got width 2`);
  refuses(
    () => openData({ x, y, take: 1 }, 0.5),
    `${x}: a validationSplit of 0.5 of 1 samples leaves none for training: change it, or take more samples`,
  );
  refuses(
    () => openData({ x, y }, 1e-17),
    `${x}: a validationSplit of 1e-17 of 10 samples leaves none for validation: change it, or take more samples`,
  );
  t.end();
});

test('a spec that cannot be is refused before a file is read', (t) => {
  const files = { x: 'no', y: 'no' };
  const refuses = (open: () => unknown, message: string): void => void t.throws(open, new UsageError(message));
  for (const take of [0, 1.5, -1, Number.NaN]) {
    refuses(() => openData({ ...files, take }, 0), `Expected \`take\` to be a whole number of at least 1, got ${take}`);
  }
  for (const divide of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
    refuses(
      () => openData({ ...files, normalize: { divide } }, 0),
      `Expected \`normalize.divide\` to be a number other than 0, got ${divide}`,
    );
  }
  for (const split of [-0.1, 1, Number.NaN]) {
    refuses(() => openData(files, split), `Expected \`validationSplit\` to be from 0 up to but not including 1, got ${split}`);
  }
  refuses(
    () => openData({ ...files, validation: files }, 0.2),
    'Expected `validation` files or a `validationSplit`, got both: leave out one (the split is 0.2)',
  );
  t.end();
});

test('the fingerprint tells data apart', (t) => {
  const folder = t.testdir({
    ...ten,
    'copy.npy': npyBytes(
      '<i4',
      [10],
      Int32Array.from({ length: 10 }, (_, i) => i),
      { version: 2 },
    ),
    'column.npy': npyBytes(
      '<i4',
      [10, 1],
      Int32Array.from({ length: 10 }, (_, i) => i),
    ),
    'unsigned.npy': npyBytes(
      '<u4',
      [10],
      Uint32Array.from({ length: 10 }, (_, i) => i),
    ),
    'other.npy': npyBytes(
      '<i4',
      [10],
      Int32Array.from({ length: 10 }, (_, i) => (i === 9 ? 8 : i)),
    ),
  });
  const x = join(folder, 'x.npy');
  const open = (y: string, rest: object = {}, split = 0): string => fingerprintOf(openData({ x, y: join(folder, y), ...rest }, split));
  const print = open('y.npy');
  t.match(print, /^[0-9a-f]{16}$/);
  t.equal(open('y.npy'), print, 'the same files');
  t.equal(open('copy.npy'), print, 'the same values in another version of the format');
  const others = [
    open('column.npy'),
    open('unsigned.npy'),
    open('other.npy'),
    open('y.npy', { normalize: { divide: 2 } }),
    open('y.npy', { take: 9 }),
    open('y.npy', { test: { x, y: join(folder, 'y.npy') } }),
    open('y.npy', { validation: { x, y: join(folder, 'y.npy') } }),
    open('y.npy', {}, 0.2),
  ];
  t.equal(new Set([print, ...others]).size, 9, 'shape, type, bytes, normalisation, count and parts all count');
  t.end();
});
