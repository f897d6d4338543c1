import { test } from 'tap';
import { BatchReader } from '../../../src/data/samples/batch.js';
import { DataError } from '../../../src/shared/text/errors.js';
import { memoryDataset } from '../../fixtures/memoryDataset.js';

const classes = memoryDataset({ width: 1, isClassNumber: true }, [[0], [2], [1], [2]], [10, 11, 12, 13]);
const values = memoryDataset(
  { width: 2, isClassNumber: false },
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  [10, 11, 12],
);

test('class numbers are one-hot rows, in the order of the indices', (t) => {
  const reader = new BatchReader(classes, { kind: 'oneHot' }, 3, 2);
  reader.fill(Int32Array.of(9, 3, 0, 9), 1, 2);
  t.equal(reader.count, 2);
  t.same([...reader.inputs], [13, 10]);
  t.same([...reader.targets], [0, 0, 1, 1, 0, 0]);
  t.end();
});

test('a fill leaves nothing of the one before in its rows', (t) => {
  const reader = new BatchReader(classes, { kind: 'oneHot' }, 3, 2);
  const { inputs, targets } = reader;
  reader.fill(Uint32Array.of(1, 2), 0, 2);
  reader.fill(Uint32Array.of(0), 0, 1);
  t.equal(reader.count, 1);
  t.same([...targets.subarray(0, 3)], [1, 0, 0]);
  t.equal(reader.inputs, inputs, 'the arrays stay the same');
  t.equal(reader.targets, targets);
  t.end();
});

test('values stay as they are', (t) => {
  const reader = new BatchReader(values, { kind: 'values' }, 2, 3);
  reader.fillRange(1, 2);
  t.same([...reader.inputs], [11, 12, 0]);
  t.same([...reader.targets], [3, 4, 5, 6, 0, 0]);
  t.end();
});

test('what would write outside a row is refused', (t) => {
  const reader = new BatchReader(classes, { kind: 'oneHot' }, 2, 2);
  t.throws(() => reader.fillRange(0, 3), new RangeError('Expected at most 2 samples, got 3'));
  t.throws(() => reader.fillRange(1, 1), new DataError('sample 1: expected a class number from 0 to 1, got 2'));
  t.end();
});
