import { BatchReader } from '../data/samples/batch.js';
import { sparseTargets, targetEncoding } from '../data/samples/targets.js';
import type { Engine } from '../engines/engine.js';
import { openEngine } from '../engines/openEngine.js';
import { probeHash } from '../engines/probe.js';
import type { Config } from '../shared/config/configSchema.js';
import { parseConfig } from '../shared/config/parseConfig.js';
import { buildNetwork } from '../shared/model/network.js';
import { cut, type Slices } from '../shared/model/slices.js';
import type { FromWorker, Message, OfferedMemory } from '../shared/protocol/protocol.js';
import { gpuNumbers } from '../shared/system/gpuNumbers.js';
import type { ArenaShape } from '../step/memory/arena.js';
import { SharedMemory } from '../step/memory/sharedMemory.js';
import { WeightsIn } from '../step/messages/weightsIn.js';
import { type Measured, measureEngines } from './benchmark/measureEngines.js';
import type { Evaluator } from './compute/evaluator.js';
import { ShardComputer } from './compute/shardComputer.js';
import type { WorkerOptions } from './options.js';
import type { DataWait } from './samples/dataWait.js';
import { openSamples, type Samples } from './samples/openSamples.js';

/** What a worker holds once it is configured. */
export interface Prepared {
  readonly samples: Samples;
  readonly engine: Engine;
  readonly computer: ShardComputer;
  readonly shared: SharedPlace | undefined;
  readonly evaluator: Evaluator;
  readonly slices: Slices;
  readonly weights: WeightsIn;
}

/** Times the engines that the run leaves open. */
export function measure(
  { config, isAnew }: Message<'measure'>,
  { say, slot, workersHere }: WorkerOptions,
  signal: AbortSignal,
): Promise<Measured> {
  const wanted = configOf(config);
  // Workers of one machine take turns on its GPUs; others say for themselves.
  const sharing = slot === undefined ? 1 : Math.ceil((workersHere ?? wanted.workers) / Math.max(1, gpuNumbers().length));
  if (wanted.device === 'auto' || wanted.device === 'gpu') seeOwnGpu(slot);
  return measureEngines(wanted, { isAnew, say, signal, sharing });
}

function configOf(config: Message<'configure'>['config']): Config {
  return parseConfig(config, 'the config of the coordinator', { cores: 1 });
}

/** With several GPUs each worker that a coordinator starts on its machine sees one; workers beyond their number share. */
function seeOwnGpu(slot: number | undefined): void {
  const numbers = gpuNumbers();
  const own = slot === undefined ? undefined : numbers[slot % numbers.length];
  if (own !== undefined) process.env['CUDA_VISIBLE_DEVICES'] = own;
}

/** Opens data and engine, warms up, and says ready. */
export async function prepare(
  message: Message<'configure'>,
  options: WorkerOptions,
  wait: DataWait,
  send: (message: FromWorker) => void,
): Promise<Prepared> {
  const config = configOf(message.config);
  if (config.device === 'gpu') seeOwnGpu(options.slot);
  const samples = await openSamples(message, config, options, wait);
  try {
    return await prepareWith(samples, message, config, options, send);
  } catch (error) {
    samples.close();
    throw error;
  }
}

async function prepareWith(
  samples: Samples,
  message: Message<'configure'>,
  config: Config,
  options: WorkerOptions,
  send: (message: FromWorker) => void,
): Promise<Prepared> {
  const { splits: data, fingerprint, lacks } = samples;
  const network = buildNetwork(config.model);
  const encoding = targetEncoding(config.loss, network.outputs, data.train);
  const isSparse = sparseTargets(config.loss, network.outputs, data.train);
  const { loss, metrics, threads, device, precision } = config;
  const task = { network, loss, metrics, sparseTargets: isSparse, threads, device, precision };
  const engine = await openEngine(config.engine, task);
  const probe = await probeHash(engine, network);
  const shape = { parameters: network.layout.size, workers: config.workers, shards: config.shards, metrics: metrics.length };
  const shared = sharedPlace(options, message.memory, shape);
  const slices = cut(network.layout.size, message.sliceSize);
  const computer = new ShardComputer(engine, network, config, data.train, encoding, shared);
  // What is mapped stays; a file that was passed on is the process's own.
  if (shared?.isFound) shared.memory.close();
  await computer.warmUp();
  const readers = new Map<'validation' | 'test', BatchReader>();
  for (const split of ['validation', 'test'] as const) {
    const dataset = data[split];
    if (dataset)
      readers.set(split, new BatchReader(dataset, encoding, network.outputs, Math.min(dataset.count, config.validationBatchSize)));
  }
  send({
    ...{ type: 'ready', engine: engine.identity, probe, fingerprint },
    ...(shared && { sharesMemory: true }),
    ...(lacks !== undefined && { lacks: lacks.slice(0, 4_000) }),
  });
  const evaluator = { engine, readers, chunkSize: config.validationBatchSize };
  return { samples, engine, computer, shared, evaluator, slices, weights: new WeightsIn(slices) };
}

/** A channel of memory that is shared. */
export interface SharedPlace {
  readonly memory: SharedMemory;
  readonly channel: number;
  /** Was its file opened here? */
  readonly isFound: boolean;
}

/** The memory of the coordinator that started this worker, or of an aggregator on the same machine. */
function sharedPlace(
  { sharedFile, slot, isSameMachine }: WorkerOptions,
  offer: OfferedMemory | undefined,
  shape: ArenaShape,
): SharedPlace | undefined {
  if (sharedFile !== undefined && slot !== undefined)
    return { memory: SharedMemory.inherit(sharedFile, shape), channel: slot, isFound: false };
  const memory = offer && isSameMachine ? SharedMemory.found(offer, { ...shape, workers: offer.channels }) : undefined;
  return memory && offer && { memory, channel: offer.channel, isFound: true };
}
