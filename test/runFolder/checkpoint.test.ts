import { test } from 'tap';
import { freshProgress } from '../../src/coordinator/training/progress.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../../src/runFolder/checkpoint.js';

const array = (...values: number[]): Float32Array => Float32Array.from(values);

const checkpoint: Checkpoint = {
  progress: {
    ...freshProgress,
    step: 7,
    epoch: 1,
    stepInEpoch: 2,
    sums: { count: 64, loss: 1.5, metrics: [3] },
    best: { epoch: 0, value: 0.25 },
  },
  optimizer: { weights: array(1, 2, 3), m: array(0, 0.5, -1), v: array(1e-20, 4, 9), updates: 7 },
  best: array(1, 2, 4),
  stoppingBest: undefined,
  metricsBytes: 1234,
};

test('a checkpoint comes back as it was', async (t) => {
  t.same(decodeCheckpoint(Buffer.concat(encodeCheckpoint(checkpoint)), 'x'), checkpoint);
});

test('arrays that are the same stand in it once', async (t) => {
  const size = (c: Checkpoint): number => Buffer.concat(encodeCheckpoint(c)).byteLength;
  const best = array(1, 2, 3);
  t.ok(size({ ...checkpoint, best }) < size(checkpoint));
  t.same(decodeCheckpoint(Buffer.concat(encodeCheckpoint({ ...checkpoint, best })), 'x').best, best);
});

test('it is written from copies', async (t) => {
  const weights = array(1, 2, 3);
  const parts = encodeCheckpoint({ ...checkpoint, optimizer: { ...checkpoint.optimizer, weights } });
  weights.fill(9);
  t.same(decodeCheckpoint(Buffer.concat(parts), 'x').optimizer.weights, array(1, 2, 3));
});

test('every bit that flips and every byte that is missing shows', async (t) => {
  const whole = Buffer.concat(encodeCheckpoint(checkpoint));
  for (let i = 0; i < whole.byteLength; i++) {
    const flipped = Buffer.from(whole);
    flipped[i] = (flipped[i] ?? 0) ^ 1;
    t.throws(() => decodeCheckpoint(flipped, 'a.checkpoint'), { name: 'DataError' }, `byte ${i} flipped`);
    t.throws(() => decodeCheckpoint(whole.subarray(0, i), 'a.checkpoint'), { name: 'DataError' }, `cut at ${i}`);
  }
  t.throws(() => decodeCheckpoint(whole.subarray(0, -1), 'a.checkpoint'), {
    message: 'a.checkpoint: the checksum does not fit; the file is cut short or damaged',
  });
  t.throws(() => decodeCheckpoint(Buffer.from('PK\u0003\u0004'), 'a.checkpoint'), {
    message: 'a.checkpoint: not a checkpoint of this version',
  });
});
