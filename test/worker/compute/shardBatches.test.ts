import { test } from 'tap';
import type { Dataset } from '../../../src/data/samples/dataset.js';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { buildNetwork } from '../../../src/shared/model/network.js';
import type { StepBatch } from '../../../src/step/stepBatch.js';
import { ShardBatches } from '../../../src/worker/compute/shardBatches.js';
import { memoryDataset } from '../../fixtures/memoryDataset.js';

const samples = 23;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** A dataset of 23 samples that counts how often one is read. */
function countedDataset(): Dataset & { reads: number } {
  const inner = memoryDataset(
    { width: 1, isClassNumber: false },
    upTo(samples).map((i) => [i]),
    upTo(samples),
  );
  const counted = {
    ...inner,
    reads: 0,
    readTarget(index: number, into: Float32Array, offset: number): void {
      counted.reads++;
      inner.readTarget(index, into, offset);
    },
  };
  return counted;
}

const raw = {
  model: { layers: [{ dense: { units: 3 } }, { dropout: 0.5 }, { dense: { units: 1 } }], inputShape: [1] },
  data: { x: 'x', y: 'y' },
  loss: 'meanSquaredError',
  batchSize: 8,
  shards: 4,
};

function batches(dataset: Dataset): ShardBatches {
  const config = parseConfig(raw, 'test', { cores: 1 });
  return new ShardBatches(buildNetwork(config.model), config, dataset, { kind: 'values' });
}

/** Two epochs of steps. */
function* steps(): Generator<StepBatch> {
  let step = 0;
  for (const epoch of [0, 1])
    for (let from = 0; from < samples; from += 8) yield { step: step++, epoch, from, to: Math.min(from + 8, samples) };
}

function contentOf(of: ShardBatches, step: StepBatch, shard: number): unknown {
  const batch = of.batchOf(step, shard);
  if (!batch) return undefined;
  const { count, inputs, targets, masks } = batch;
  return {
    count,
    inputs: [...inputs.subarray(0, count)],
    targets: [...targets.subarray(0, count)],
    masks: masks.map((mask) => [...mask.subarray(0, count * 3)]),
  };
}

test('samples and masks are the same, read ahead or not, over the end of an epoch', async (t) => {
  const [ahead, plain] = [batches(countedDataset()), batches(countedDataset())];
  const seen = new Set<number>();
  for (const step of steps()) {
    for (const shard of [1, 2]) t.same(contentOf(ahead, step, shard), contentOf(plain, step, shard), `step ${step.step}, shard ${shard}`);
    for (const shard of [0, 3])
      for (const value of (contentOf(plain, step, shard) as { inputs: number[] } | undefined)?.inputs ?? []) seen.add(value);
    ahead.expect(step, [1, 2]);
    while (ahead.readAhead());
  }
  t.ok(seen.size > 8, 'they are shuffled');
});

test('what was read ahead is not read again, and what was wrongly expected does no harm', async (t) => {
  const dataset = countedDataset();
  const ahead = batches(dataset);
  const plain = batches(countedDataset());
  const [first, second, third] = [...steps()];
  if (!first || !second || !third) throw new Error('three steps');
  contentOf(ahead, first, 0);
  t.equal(dataset.reads, 2);
  ahead.expect(first, [0, 1]);
  t.ok(ahead.readAhead());
  t.ok(ahead.readAhead());
  t.notOk(ahead.readAhead(), 'there is no more');
  t.equal(dataset.reads, 6);
  contentOf(ahead, second, 0);
  contentOf(ahead, second, 1);
  t.equal(dataset.reads, 6);
  // Expects what never comes, again and again.
  for (let i = 0; i < 3; i++) {
    ahead.expect(first, [0, 1, 2, 3]);
    while (ahead.readAhead());
  }
  for (const shard of upTo(4)) t.same(contentOf(ahead, third, shard), contentOf(plain, third, shard));
});

test('an empty shard has no samples', async (t) => {
  const of = batches(countedDataset());
  t.equal(of.batchOf({ step: 0, epoch: 0, from: 0, to: 3 }, 0), undefined);
  of.expect({ step: 0, epoch: 0, from: 16, to: 22 }, [0, 1]);
  t.equal(of.readAhead(), false, 'nor is it read ahead: one sample is left, and it is the last shard');
});
