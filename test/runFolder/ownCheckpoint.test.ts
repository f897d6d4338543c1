import { test } from 'tap';
import { freshProgress } from '../../src/coordinator/training/progress.js';
import type { Checkpoint } from '../../src/runFolder/checkpoint.js';
import { foreignness, isCutShort, type MetricsEnd } from '../../src/runFolder/ownCheckpoint.js';

const weights = new Float32Array(3);
const checkpoint: Checkpoint = {
  run: 'own',
  progress: { ...freshProgress, step: 5 },
  optimizer: { weights, m: weights, v: weights, updates: 5 },
  best: undefined,
  stoppingBest: undefined,
  metricsBytes: 10,
};

const own = { run: 'own', parameters: 3, isFinished: false, metrics: (): MetricsEnd => ({ isWhole: false, text: '' }) };
const step = (number: number): string => `{"kind":"step","epoch":0,"step":${number},"samples":32,"loss":1}\n`;

test('whose a checkpoint is', async (t) => {
  t.equal(foreignness(checkpoint, own), undefined);
  t.equal(foreignness({ ...checkpoint, run: 'other' }, own), 'it is of another run');
  t.equal(foreignness(checkpoint, { ...own, run: undefined }), 'it is of another run', 'of a run that was begun before runs had names');
  t.match(foreignness(checkpoint, { ...own, parameters: 4 }), /it has 3 parameters, this run 4$/);
});

test('checkpoints of earlier versions are told by the metrics', async (t) => {
  const { run: _, ...old } = checkpoint;
  const judged = (text: string, isWhole = true) => foreignness(old, { ...own, metrics: () => ({ isWhole, text }) });
  t.equal(judged(`${step(3)}${step(4)}{"kind":"epoch","epoch":0,"loss":1}\n`), undefined);
  t.match(judged(step(3)), /has step 3, expected 4$/);
  t.match(judged(`${step(4)}{"kind":"st`), /no line that ends where it says$/);
  t.equal(judged('', false), undefined, 'metrics that are cut short say nothing');
  const finished = { ...own, isFinished: true };
  t.match(foreignness(old, finished), /metrics\.jsonl is shorter than it says$/);
  t.equal(judged(`${step(3)}\0\0`), undefined, 'nor do those that the disk has lost');
});

test('a run that an earlier version ended within an epoch goes on from before that', async (t) => {
  const ended: Checkpoint = { ...checkpoint, progress: { ...checkpoint.progress, ended: 'steps' } };
  t.equal(isCutShort(ended, 6), true);
  t.equal(isCutShort(ended, 5), false, 'nothing is to be done');
  t.equal(isCutShort({ ...ended, progress: { ...ended.progress, epochLoss: 0.1 } }, 6), false);
  t.equal(isCutShort(checkpoint, 6), false);
});
