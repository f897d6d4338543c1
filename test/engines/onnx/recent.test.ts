import { test } from 'tap';
import { Recent } from '../../../src/engines/onnx/recent.js';

test('a value is made once for the same count and memory, through whatever views', async (t) => {
  const recent = new Recent<number>();
  const values = new Float32Array(8);
  let made = 0;
  const recall = (count: number, ...arrays: Float32Array[]): number => recent.recall(count, arrays, () => ++made);
  t.equal(recall(4, values, values.subarray(2)), 1);
  t.equal(recall(4, values.subarray(0), values.subarray(2)), 1);
  t.equal(recall(3, values, values.subarray(2)), 2);
  t.equal(recall(4, values, values.subarray(3)), 3);
  t.equal(recall(4, values), 4);
  t.equal(recall(4, new Float32Array(8)), 5);
});

test('the least recently used of more than eight is forgotten', async (t) => {
  const recent = new Recent<number>();
  const arrays = Array.from({ length: 9 }, () => new Float32Array(1));
  let made = 0;
  const recall = (i: number): number => recent.recall(1, arrays.slice(i, i + 1), () => ++made);
  for (let i = 0; i < 8; i++) recall(i);
  t.equal(recall(0), 1, 'kept, and now the most recent');
  t.equal(recall(8), 9, 'takes the place of the second');
  t.equal(recall(0), 1);
  t.equal(recall(1), 10, 'made anew');
});
