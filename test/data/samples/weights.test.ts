import { join } from 'node:path';
import { test } from 'tap';
import { loadData } from '../../../src/data/openData.js';
import { checkClassWeights, classWeightsOf } from '../../../src/data/samples/classWeights.js';
import type { Dataset } from '../../../src/data/samples/dataset.js';
import { ConfigError, DataError } from '../../../src/shared/text/errors.js';
import { npyBytes } from '../../fixtures/arrays.js';
import { memoryDataset } from '../../fixtures/memoryDataset.js';
import { openData } from '../../fixtures/openData.js';

const classes = { width: 1, isClassNumber: true };
const five = memoryDataset(classes, [[0], [2], [0], [0], [2]]);

const wrongWeights = (message: string) => new ConfigError('config', [{ path: 'data.classWeights', message }]);

test('balanced weights are those of scikit-learn; a class that is not there keeps 1', (t) => {
  // compute_class_weight('balanced', classes=[0, 2], y=[0, 2, 0, 0, 2]): [0.83333333, 1.25]
  t.same(classWeightsOf('balanced', five, undefined), [5 / 6, 1, 1.25]);
  t.same(
    classWeightsOf(
      'balanced',
      memoryDataset({ width: 2, isClassNumber: false }, [
        [1, 0],
        [0, 1],
        [0.4, 0.6],
      ]),
      undefined,
    ),
    [1.5, 0.75],
  );
  t.end();
});

test('weights are given by number, by name, or as a list; what is not named has 1', (t) => {
  t.same(classWeightsOf({ 2: 3 }, five, undefined), [1, 1, 3]);
  t.same(classWeightsOf({ 4: 3 }, five, undefined), [1, 1, 1, 1, 3], 'a class that only validates');
  t.same(classWeightsOf({ cat: 0.5, bee: 2 }, five, ['ant', 'bee', 'cat']), [1, 2, 0.5]);
  t.same(classWeightsOf([1, 2, 3, 4], five, undefined), [1, 2, 3, 4]);
  t.throws(() => classWeightsOf([1, 2], five, undefined), wrongWeights('expected 3 weights, one a class, got 2'));
  t.throws(() => classWeightsOf({ third: 1 }, five, undefined), wrongWeights('expected numbers of classes, got "third"'));
  t.throws(
    () => classWeightsOf({ cta: 1 }, five, ['ant', 'bee', 'cat']),
    wrongWeights('expected classes (ant, bee, cat), got "cta"; did you mean "cat"?'),
  );
  t.throws(
    () => classWeightsOf('balanced', memoryDataset({ width: 1, isClassNumber: false }, [[0], [0.5]]), undefined),
    new DataError('data.classWeights: expected targets that are classes, got 0.5 at sample 1'),
  );
  t.end();
});

test('weights are for classes that the network can tell, with samples or without', (t) => {
  const check =
    (...args: readonly [wanted: Parameters<typeof checkClassWeights>[0], outputs: number, names?: string[]]) =>
    () =>
      checkClassWeights(args[0], args[1], five, args[2]);
  for (const wanted of [undefined, 'balanced', { 0: 1, 3: 5 }, [1, 2, 3], [1, 2, 3, 4]] as const) t.doesNotThrow(check(wanted, 4));
  t.throws(check({ 0: 1, 9: 5, 12: 1 }, 4), wrongWeights('expected classes (0 to 3), got "9", "12"'));
  t.throws(check([1, 2, 3, 4, 5], 4), wrongWeights('expected 4 weights, one a class (0 to 3), got 5'));
  t.throws(check([1, 2, 3], 4, ['ant', 'bee']), wrongWeights('expected 2 weights, one a class (ant, bee), got 3'));
  t.doesNotThrow(check({ 2: 5 }, 1), 'of one output, the classes of the samples');
  t.throws(check({ 3: 5 }, 1), wrongWeights('expected classes (0 to 2), got "3"'));
  t.end();
});

function weights(part: Dataset | undefined): number[] | undefined {
  const { sampleWeight, count = 0 } = part ?? {};
  return sampleWeight && Array.from({ length: count }, (_, sample) => sampleWeight(sample));
}

test('weights of samples go with them; those of classes are of the training part alone, and tell data apart', (t) => {
  const folder = t.testdir({
    'x.npy': npyBytes('<i4', [6], Int32Array.of(0, 1, 2, 3, 4, 5)),
    'y.npy': npyBytes('<i4', [6], Int32Array.of(0, 0, 1, 0, 1, 0)),
    'w.npy': npyBytes('<f4', [6], Float32Array.of(1, 2, 3, 0, 5, 6)),
    'bad.npy': npyBytes('<f4', [6], Float32Array.of(1, 2, -3, 0, 5, 6)),
    'few.npy': npyBytes('<f4', [2], Float32Array.of(1, 2)),
  });
  const [x = '', y = '', w = '', bad = '', few = ''] = ['x', 'y', 'w', 'bad', 'few'].map((name) => join(folder, `${name}.npy`));
  const plain = openData({ x, y }, 0.5);
  t.equal(weights(plain.train), undefined);
  const own = openData({ x, y, sampleWeights: w, test: { x, y } }, 0.5);
  t.same([weights(own.train), weights(own.validation), weights(own.test)], [[1, 2, 3], [0, 5, 6], undefined]);
  const both = openData({ x, y, sampleWeights: w, classWeights: { 1: 10 }, test: { x, y, sampleWeights: w } }, 0.5);
  t.same(
    [weights(both.train), weights(both.validation), weights(both.test)],
    [
      [1, 2, 30],
      [0, 5, 6],
      [1, 2, 3, 0, 5, 6],
    ],
  );
  const balanced = openData({ x, y, classWeights: 'balanced' }, 0.5);
  t.same([weights(balanced.train), weights(balanced.validation)], [[0.75, 0.75, 1.5], undefined], 'by the training part');
  t.equal(new Set([plain, own, both, balanced].map(({ train }) => train.fingerprint)).size, 4);
  const fails = (sampleWeights: string) => () => openData({ x, y, sampleWeights }, 0);
  t.throws(fails(bad), new DataError(`${bad}: expected finite weights of at least 0, got -3 for sample 2`));
  t.throws(fails(few), new DataError(`${few}: expected 6 weights, one a sample of ${x}, got [2]`));
  t.end();
});

test('a column of a table holds weights; other tables may lack it', async (t) => {
  const folder = t.testdir({
    'train.csv': 'a,kind,weight\n1,cat,2\n2,dog,0.5\n3,dog,1\n',
    'test.csv': 'a,kind\n1,cat\n',
    'bad.csv': 'a,kind,weight\n1,cat,2\n2,dog,-1\n',
    'none.csv': 'a,kind,weight\n1,cat,2\n2,dog,\n',
  });
  const file = (name: string): string => join(folder, name);
  const load = (table: string) =>
    loadData(
      {
        table: file(table),
        target: 'kind',
        missing: 'refuse',
        sampleWeights: 'weight',
        classWeights: { dog: 4 },
        test: { table: file('test.csv') },
      },
      0,
      { folders: [file('data')] },
    );
  const { train, test, schema } = await load('train.csv');
  t.same(weights(train), [2, 2, 4]);
  t.equal(weights(test), undefined);
  t.same(
    schema?.inputs.map(({ name }) => name),
    ['a'],
  );
  await t.rejects(
    load('bad.csv'),
    new DataError(`${file('bad.csv')}, line 3, column weight: expected a weight, a number of at least 0, got "-1"`),
  );
  await t.rejects(
    load('none.csv'),
    new DataError(`${file('none.csv')}, line 3, column weight: a weight is missing: fill it in, or leave the row out (data.missing: drop)`),
  );
});
