import { BatchReader } from '../../data/samples/batch.js';
import type { Dataset } from '../../data/samples/dataset.js';
import type { TargetEncoding } from '../../data/samples/targets.js';
import type { Batch } from '../../engines/engine.js';
import type { Config } from '../../shared/config/configSchema.js';
import type { DropoutOp, Network } from '../../shared/model/network.js';
import { sizeOf } from '../../shared/model/shape.js';
import { writeDropoutMask } from '../../shared/numbers/random/dropoutMask.js';
import { blockSizeFor, sampleOrder } from '../../shared/numbers/random/sampleOrder.js';
import { batchAfter, type StepBatch, sizeOfBatch } from '../../step/stepBatch.js';
import { shardRange } from '../../step/tree.js';

/** The samples and masks of one shard, in arrays that are allocated once. */
interface Place {
  readonly reader: BatchReader;
  readonly masks: readonly Float32Array[];
  /** What is in it. */
  holds: string;
}

/** Bytes of samples that may be read before they are asked for. */
const mostAhead = 2 ** 28;
/** Shards that may be: each has a memory of its own, for which a process reserves a large part of its addresses. */
const mostPlaces = 16;

/** Reads the samples of shards, and writes their dropout masks: before they are asked for, where there is time. */
export class ShardBatches {
  readonly #config: Config;
  readonly #dropouts: readonly DropoutOp[];
  readonly #dataset: Dataset;
  readonly #places: Place[] = [];
  readonly #newPlace: () => Place;
  /** Places that may be used, so that what is read ahead does not take too much memory. */
  readonly #most: number;
  /** Orders of the epochs that were asked for last. */
  #orders: { readonly epoch: number; readonly samples: Uint32Array }[] = [];
  /** Shards of the step after the last one, which are still to be read. */
  #ahead: (() => void)[] = [];

  constructor(network: Network, config: Config, dataset: Dataset, encoding: TargetEncoding) {
    this.#config = config;
    this.#dropouts = network.ops.filter((op) => op.kind === 'dropout');
    this.#dataset = dataset;
    const capacity = Math.ceil(Math.min(config.batchSize, dataset.count) / config.shards);
    this.#newPlace = () => ({
      reader: new BatchReader(dataset, encoding, network.outputs, capacity),
      masks: this.#dropouts.map(({ units }) => new Float32Array(capacity * units)),
      holds: '',
    });
    const masked = this.#dropouts.reduce((sum, { units }) => sum + units, 0);
    const bytes = 4 * capacity * (sizeOf(dataset.inputShape) + network.outputs + masked);
    this.#most = Math.min(config.shards, mostPlaces, Math.max(1, Math.floor(mostAhead / bytes)));
  }

  /** The samples of a shard, good until the next call of anything here; undefined where it is empty. */
  batchOf(batch: StepBatch, shard: number): Batch | undefined {
    const { from, to } = shardRange(shard, this.#config.shards, sizeOfBatch(batch));
    if (from === to) return undefined;
    const name = nameOf(batch, shard);
    const place = this.#places.find(({ holds }) => holds === name) ?? this.#fill(name, batch, batch.from + from, to - from);
    // It is free for another once this call's samples have been used.
    place.holds = '';
    const { inputs, targets, sampleWeights } = place.reader;
    return { count: to - from, inputs, targets, sampleWeights, masks: place.masks };
  }

  /** Gets the samples of shards [first, end) that this machine lacks; undefined where it has them. */
  fetch(batch: StepBatch, first: number, end: number): Promise<void> | undefined {
    if (!this.#dataset.fetch) return undefined;
    const { shards } = this.#config;
    const { from } = shardRange(first, shards, sizeOfBatch(batch));
    const { to } = shardRange(end - 1, shards, sizeOfBatch(batch));
    return this.#dataset.fetch(this.#orderOf(batch.epoch).subarray(batch.from + from, batch.from + to));
  }

  /** These shards of a step have been asked for: those of the next step are likely to be the next. */
  expect(batch: StepBatch, shards: readonly number[]): void {
    const next = batchAfter(batch, this.#config.batchSize, this.#dataset.count);
    // What was expected before and has not been asked for is in the way.
    for (const place of this.#places) place.holds = '';
    this.#ahead = shards.slice(0, this.#most).flatMap((shard) => {
      const { from, to } = shardRange(shard, this.#config.shards, sizeOfBatch(next));
      if (from === to) return [];
      const coming = this.fetch(next, shard, shard + 1);
      // What does not come is asked for again when it is needed.
      coming?.catch(() => undefined);
      return coming ? [] : [() => this.#fill(nameOf(next, shard), next, next.from + from, to - from)];
    });
  }

  /** Reads one of the expected shards. Says false where there is none. */
  readAhead(): boolean {
    const read = this.#ahead.shift();
    read?.();
    return read !== undefined;
  }

  #fill(name: string, { step, epoch }: StepBatch, first: number, count: number): Place {
    const place = this.#freePlace();
    place.holds = '';
    const order = this.#orderOf(epoch);
    place.reader.fill(order, first, count);
    const samples = order.subarray(first, first + count);
    for (const { index, units, rate } of this.#dropouts) {
      const mask = place.masks[index];
      if (mask) writeDropoutMask(mask, samples, units, rate, { seed: this.#config.seed, step, layer: index });
    }
    place.holds = name;
    return place;
  }

  /** One that holds nothing; else a new one, or the one that was filled first. */
  #freePlace(): Place {
    const free = this.#places.findIndex(({ holds }) => holds === '');
    const isNew = free < 0 && this.#places.length < this.#most;
    const place = isNew ? this.#newPlace() : this.#places.splice(Math.max(free, 0), 1)[0];
    if (!place) throw new RangeError('there is no place for samples');
    this.#places.push(place);
    return place;
  }

  #orderOf(epoch: number): Uint32Array {
    const known = this.#orders.find((order) => order.epoch === epoch);
    if (known) return known.samples;
    const { seed, shuffle } = this.#config;
    const samples = sampleOrder(this.#dataset.count, seed, epoch, shuffle, blockSizeFor(sizeOf(this.#dataset.inputShape)));
    // The epoch under way and the one before or after it.
    this.#orders = [...this.#orders.slice(-1), { epoch, samples }];
    return samples;
  }
}

function nameOf({ step, epoch, from, to }: StepBatch, shard: number): string {
  return [step, epoch, from, to, shard].join();
}
