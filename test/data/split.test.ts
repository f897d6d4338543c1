import { join } from 'node:path';
import { test } from 'tap';
import { loadData } from '../../src/data/openData.js';
import type { Dataset } from '../../src/data/samples/dataset.js';
import { idxBytes, npyBytes } from '../fixtures/arrays.js';
import { openData } from '../fixtures/openData.js';

/** The inputs of a part, each a number of its own. */
function samples(part: Dataset | undefined): number[] {
  if (!part) return [];
  const { values, load, finish } = part.inputs(part.count);
  for (let i = 0; i < part.count; i++) load(i, i);
  finish(part.count);
  return [...values];
}

const numbers = npyBytes(
  '<i4',
  [10],
  Int32Array.from({ length: 10 }, (_, i) => i),
);

test('stratified, the last fraction of each class validates; a lone sample of a class is trained on', (t) => {
  const folder = t.testdir({
    'x.npy': numbers,
    'y.npy': npyBytes('<i4', [10], Int32Array.of(1, 0, 0, 0, 1, 0, 1, 1, 2, 0)),
    'rows.npy': npyBytes(
      '<f4',
      [10, 3],
      Float32Array.from([1, 0, 0, 0, 1, 0, 1, 1, 2, 0].flatMap((number) => [0, 1, 2].map((k) => Number(k === number)))),
    ),
  });
  for (const y of ['y.npy', 'rows.npy']) {
    const { train, validation } = openData({ x: join(folder, 'x.npy'), y: join(folder, y), stratify: true }, 0.25);
    t.same(samples(train), [0, 1, 2, 3, 4, 6, 8]);
    t.same(samples(validation), [5, 7, 9]);
  }
  t.throws(() => openData({ x: join(folder, 'y.npy'), y: join(folder, 'rows.npy').replace('rows', 'x'), stratify: true }, 0.99), {
    message: /leaves none|expected classes/,
  });
  t.end();
});

test('no group is cut: those that begin last validate, at least the fraction that was asked for', (t) => {
  const folder = t.testdir({
    'x.npy': numbers,
    'y.npy': numbers,
    // Beyond the whole numbers of float32, where two of them would be the same.
    'big.npy': npyBytes('<i8', [10], BigInt64Array.from([5n, 5n, 7n, 5n, 7n, 9n, 7n, 9n, 4n, 9n].map((group) => 2n ** 60n + group))),
    'pairs.idx': idxBytes(0x08, [10, 2], Uint8Array.of(0, 5, 0, 5, 1, 0, 0, 5, 1, 0, 2, 2, 1, 0, 2, 2, 9, 9, 2, 2)),
    'one.npy': npyBytes('<i4', [10], new Int32Array(10)),
    'short.npy': npyBytes('<i4', [9], new Int32Array(9)),
  });
  const [x, y] = [join(folder, 'x.npy'), join(folder, 'y.npy')];
  const parts = (groups: string, fraction: number, take?: number): number[][] => {
    const { train, validation } = openData({ x, y, groups: join(folder, groups), take }, fraction);
    return [samples(train), samples(validation)];
  };
  const [ofThree, ofTwo] = [
    [
      [0, 1, 2, 3, 4, 6],
      [5, 7, 8, 9],
    ],
    [
      [0, 1, 3],
      [2, 4, 5, 6, 7, 8, 9],
    ],
  ];
  for (const groups of ['big.npy', 'pairs.idx']) {
    t.same(parts(groups, 0.2), ofThree);
    t.same(parts(groups, 0.4), ofThree);
    t.same(parts(groups, 0.5), ofTwo);
    t.same(parts(groups, 0.1, 9), [[0, 1, 2, 3, 4, 5, 6, 7], [8]]);
  }
  t.throws(() => parts('one.npy', 0.2), {
    message: `${x}: a validationSplit of 0.2 of 10 samples in whole groups (${join(folder, 'one.npy')}) leaves none for training: change it, or take more samples`,
  });
  t.throws(() => parts('short.npy', 0.2), { message: `${join(folder, 'short.npy')}: expected 10 groups, one a sample of ${x}, got 9` });
  t.throws(() => parts('big.npy', 0), { message: /^Expected a `validationSplit` that keeps `groups` together/ });
  t.throws(() => openData({ x, y, groups: x, stratify: true }, 0.2), { message: /^Expected `stratify` or `groups`, got both/ });
  t.end();
});

test('a column of a table says which rows are of one group, whichever process has read them, and is no input', async (t) => {
  const rows = Array.from(
    { length: 40_000 },
    (_, i) => `${i},${'w'.repeat(40)},patient ${i % 4 === 3 ? 'z' : Math.floor(i / 10_000)},${i % 2}`,
  );
  const folder = t.testdir({ 't.csv': `n,text,patient,sick\n${rows.join('\n')}\n` });
  const data = { table: join(folder, 't.csv'), target: 'sick', groups: 'patient', missing: 'refuse', inputs: ['n'] } as const;
  const { train, validation, schema } = await loadData({ ...data, inputs: ['n'] }, 0.1, { folders: [join(folder, 'data')] });
  t.same(
    schema?.inputs.map(({ name }) => name),
    ['n'],
  );
  // The groups begin in the order 0, z, 1, 2, 3.
  t.same(
    samples(validation),
    Array.from({ length: 7_500 }, (_, i) => 30_000 + Math.floor(i / 3) * 4 + (i % 3)),
  );
  t.equal(train.count, 32_500);
  const all = await loadData({ ...data, inputs: undefined }, 0.1, { folders: [join(folder, 'data')] });
  t.same(
    all.schema?.inputs.map(({ name }) => name),
    ['n', 'text'],
  );
});
