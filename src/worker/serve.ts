import { cpus, hostname } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { BatchReader } from '../data/batch.js';
import { underRoot } from '../data/dataRoot.js';
import { fingerprintOf } from '../data/fingerprint.js';
import { openData } from '../data/open.js';
import { sparseTargets, targetEncoding } from '../data/targets.js';
import type { Engine } from '../engines/engine.js';
import { openEngine } from '../engines/open.js';
import { probeHash } from '../engines/probe.js';
import { parseConfig } from '../shared/config/parse.js';
import type { Config } from '../shared/config/schema.js';
import { errorMessage, ProtocolError, RunError } from '../shared/errors.js';
import { gpuNumbers } from '../shared/gpuNumbers.js';
import { SharedMemory } from '../shared/memory/sharedMemory.js';
import { buildNetwork } from '../shared/model/network.js';
import { cut, type Partition } from '../shared/partition.js';
import { decodeFromCoordinator, encode, type FromWorker, type Message, protocolVersion } from '../shared/protocol.js';
import type { Link } from '../shared/transport.js';
import { type Measured, measureEngines } from './measureEngines.js';
import { type Send, sendGradient } from './sendGradient.js';
import { serveChannel } from './serveChannel.js';
import { ShardComputer } from './shardComputer.js';
import { WeightsIn } from './weightsIn.js';

export interface WorkerOptions {
  /** Version of this program. */
  readonly version: string;
  /** The number that the coordinator gave this worker, if it started it. */
  readonly slot?: number | undefined;
  /** File of the memory that the coordinator shares, if it does: a descriptor that this process was started with. */
  readonly sharedFile?: number | undefined;
  /** The only folder that the coordinator can name files in. */
  readonly dataRoot: string;
  /** Aborts when the worker should say that it leaves, and leave. */
  readonly leave: AbortSignal;
  /** One line for a person about what the worker is doing. */
  readonly say: (line: string) => void;
}

/** The coordinator is gone, or cannot be reached any more. */
export class LinkLost extends RunError {
  override readonly name: string = 'LinkLost';
}

/** The coordinator has cut the connection before it was one: it may have other keys, or be about to end or to start. */
export class HandshakeFailed extends LinkLost {
  override readonly name = 'HandshakeFailed';
}

/** What a worker holds once it is configured. */
interface Prepared {
  readonly config: Config;
  readonly engine: Engine;
  readonly computer: ShardComputer;
  readonly shared: SharedMemory | undefined;
  readonly evaluation: ReadonlyMap<'validation' | 'test', BatchReader>;
  readonly partition: Partition;
  readonly weights: WeightsIn;
}

/**
 * Serves one run over a link: hello, get ready, answer assignments until told to stop.
 * @throws LinkLost when cut off, RunError when refused or when the data or the engine cannot be had
 */
export async function serve(link: Link, options: WorkerOptions): Promise<void> {
  const send: Send = (message, tensors) => link.send(encode(message, tensors));
  if (options.leave.aborted) return;
  send(helloOf(options));
  const leave = (): void => {
    send({ type: 'leaving' });
    void link.close();
  };
  options.leave.addEventListener('abort', leave, { once: true });
  let prepared: Prepared | undefined;
  const alone = oneAtATime();
  const over = new AbortController();
  let failure: unknown;
  let steps: Promise<void> | undefined;
  const watchChannel = ({ computer, shared, partition }: Prepared): void => {
    const channel = options.slot === undefined ? undefined : computer.arena?.channels[options.slot];
    if (!computer.arena || !channel || !shared) return;
    const { system } = shared;
    const duty = { arena: computer.arena, channel, system, computer, alone, send, partition, signal: over.signal };
    steps = serveChannel(duty).catch((error: unknown) => {
      failure = error;
      void link.close();
    });
  };
  try {
    for await (const frames of link.messages()) {
      const { message, tensors } = decodeFromCoordinator(frames, prepared?.partition ?? [], prepared?.computer.halves?.unpack);
      switch (message.type) {
        case 'measure':
          // Beside the messages to come: the run may be over before this is.
          void orFailed(() => measure(message, options, over.signal), send).then(
            (measured) => over.signal.aborted || send({ type: 'measured', ...measured }),
            (error: unknown) => {
              if (over.signal.aborted) return;
              failure = error;
              void link.close();
            },
          );
          break;
        case 'configure':
          prepared = await orFailed(() => prepare(message, options, send), send);
          watchChannel(prepared);
          options.say(`ready: ${prepared.engine.identity.library} ${prepared.engine.identity.provider}`);
          break;
        case 'step':
          await alone(() => answerStep(expectPrepared(prepared, message.type), message, tensors, send));
          break;
        case 'evaluate':
          await alone(() => answerEvaluate(expectPrepared(prepared, message.type), message, tensors, send));
          break;
        case 'weights':
          expectPrepared(prepared, message.type).weights.take(message.version, [message.part], tensors);
          break;
        case 'probe':
          break;
        case 'reconnect':
          throw new LinkLost(`the coordinator had given up on this worker (${message.reason})`);
        case 'refuse':
          throw new RunError(`the coordinator says: ${message.reason}`);
        case 'stop':
          send({ type: 'leaving' });
          return;
        default:
          message satisfies never;
      }
    }
  } finally {
    options.leave.removeEventListener('abort', leave);
    over.abort();
    await steps;
    await prepared?.engine.close();
  }
  if (failure !== undefined) throw failure;
  if (options.leave.aborted) return;
  const reason = link.lossReason ?? 'the link was closed';
  switch (link.isTurnedAway) {
    case 'yes':
      throw new RunError(reason);
    case 'perhaps':
      throw new HandshakeFailed(reason);
    case 'no':
      throw new LinkLost(reason);
  }
}

/** Runs pieces of work one after the other, in the order of calls. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}

function helloOf({ version, slot }: WorkerOptions): Message<'hello'> {
  const cpu = cpus()[0]?.model.trim() ?? process.arch;
  const { pid, platform } = process;
  return {
    type: 'hello',
    protocol: protocolVersion,
    version,
    node: process.version,
    host: hostname(),
    platform,
    cpu,
    pid,
    ...(slot === undefined ? {} : { slot }),
  };
}

/** Tells the coordinator that it cannot go on, where that is so. */
async function orFailed<T>(work: () => Promise<T>, send: (message: FromWorker) => void): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isAborted(error)) send({ type: 'failed', reason: errorMessage(error).slice(0, 4_000) });
    throw error;
  }
}

/** Nobody wants it any more. */
function isAborted(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function measure({ config, isAnew }: Message<'measure'>, { say, slot }: WorkerOptions, signal: AbortSignal): Promise<Measured> {
  const wanted = configOf(config);
  // Workers of one machine take turns on its GPUs; others say for themselves.
  const sharing = slot === undefined ? 1 : Math.ceil(wanted.workers / Math.max(1, gpuNumbers().length));
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

async function prepare(
  message: Message<'configure'>,
  { dataRoot, sharedFile, slot }: WorkerOptions,
  send: (message: FromWorker) => void,
): Promise<Prepared> {
  const config = configOf(message.config);
  if (config.device === 'gpu') seeOwnGpu(slot);
  const data = openData(underRoot(config.data, dataRoot), config.validationSplit);
  const fingerprint = fingerprintOf(data);
  const network = buildNetwork(config.model);
  const encoding = targetEncoding(config.loss, network.outputs, data.train);
  const isSparse = sparseTargets(config.loss, network.outputs, data.train);
  const { loss, metrics, threads, device, precision } = config;
  const task = { network, loss, metrics, sparseTargets: isSparse, threads, device, precision };
  const engine = await openEngine(config.engine, task);
  const probe = await probeHash(engine, network);
  const shape = { parameters: network.layout.size, workers: config.workers, shards: config.shards, metrics: metrics.length };
  const shared = sharedFile === undefined ? undefined : SharedMemory.inherit(sharedFile, shape);
  const partition = cut(network.layout.size, message.partSize);
  const place = shared && slot !== undefined ? { memory: shared, slot } : undefined;
  const computer = new ShardComputer(engine, network, config, data.train, encoding, place);
  await computer.warmUp();
  const evaluation = new Map<'validation' | 'test', BatchReader>();
  for (const part of ['validation', 'test'] as const) {
    const dataset = data[part];
    if (dataset)
      evaluation.set(part, new BatchReader(dataset, encoding, network.outputs, Math.min(dataset.count, config.validationBatchSize)));
  }
  send({ type: 'ready', engine: engine.identity, probe, fingerprint, ...(place && { sharesMemory: true }) });
  return { config, engine, computer, shared, evaluation, partition, weights: new WeightsIn(partition) };
}

async function answerStep(
  { computer, partition, weights }: Prepared,
  { work, step, epoch, batch, nodes, version, parts }: Message<'step'>,
  tensors: readonly Float32Array[],
  send: Send,
): Promise<void> {
  weights.take(version, parts, tensors);
  const asked = { step, epoch, from: batch[0], to: batch[1] };
  await computer.beginWork(work, weights.whole(version));
  for (const [from, to] of nodes) {
    const start = performance.now();
    const { gradient, shards } = await computer.gradient(asked, { from, to });
    // The sum of several may not fit into 16 bits.
    const halves = shards.length === 1 ? computer.halves : undefined;
    sendGradient({ work, node: [from, to], shards, computeMs: performance.now() - start }, gradient, partition, send, halves);
    await turn();
  }
  // While the coordinator works.
  computer.expectNext(
    asked,
    nodes.map(([from, to]) => ({ from, to })),
  );
  // Once the gradients are on their way.
  do await turn();
  while (computer.readAhead());
}

async function answerEvaluate(
  { engine, evaluation, config, weights }: Prepared,
  { work, part, chunks, version, parts }: Message<'evaluate'>,
  tensors: readonly Float32Array[],
  send: (message: FromWorker) => void,
): Promise<void> {
  weights.take(version, parts, tensors);
  await engine.keepWeights?.(weights.whole(version));
  const reader = evaluation.get(part);
  if (!reader) throw new ProtocolError(`asked to evaluate the ${part} part, which this run does not have`);
  for (const chunk of chunks) {
    const start = performance.now();
    const first = chunk * config.validationBatchSize;
    const count = Math.min(config.validationBatchSize, reader.dataset.count - first);
    if (count <= 0) throw new ProtocolError(`asked for chunk ${chunk} of the ${part} part, which has ${reader.dataset.count} samples`);
    reader.fillRange(first, count);
    const { inputs, targets } = reader;
    const { loss, metrics } = await engine.evaluate({ count, inputs, targets, masks: [] }, weights.whole(version));
    send({
      type: 'evaluation',
      work,
      chunk,
      sums: { count, loss, metrics: [...metrics], squaredNorm: 0 },
      computeMs: performance.now() - start,
    });
    // An engine that waits for nothing would keep signals and the coordinator's end waiting for all chunks.
    await turn();
  }
}

function expectPrepared(prepared: Prepared | undefined, type: string): Prepared {
  if (!prepared) throw new ProtocolError(`the coordinator sent ${type} before configure`);
  return prepared;
}
