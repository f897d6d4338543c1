import { cpus, hostname } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { decodeFromCoordinator, encode, type FromWorker, type Message, protocolVersion } from '../shared/protocol/protocol.js';
import { now } from '../shared/system/clock.js';
import { oneAtATime } from '../shared/system/oneAtATime.js';
import { DataError, errorMessage, Interrupted, ProtocolError, RunError } from '../shared/text/errors.js';
import { printableLine } from '../shared/text/printable.js';
import type { Frames, Link } from '../shared/transport/transport.js';
import { type Send, sendGradient } from '../step/messages/sendGradient.js';
import { serveChannel } from './compute/stepServer.js';
import { inbox } from './connection/inbox.js';
import { measure, type Prepared, prepare } from './getReady.js';
import type { WorkerOptions } from './options.js';
import { DataWait, NoLongerWanted } from './samples/dataWait.js';

/** The coordinator is gone, or cannot be reached any more. */
export class LinkLost extends RunError {
  override readonly name: string = 'LinkLost';
}

/** The coordinator was stopped, or has failed; its run can be gone on with. */
export class CoordinatorEnded extends LinkLost {
  override readonly name = 'CoordinatorEnded';
}

/** This worker is to compute for an aggregator instead. */
export class Moved extends LinkLost {
  override readonly name = 'Moved';
  readonly to: Message<'move'>;

  constructor(to: Message<'move'>) {
    super('computes for an aggregator from now on');
    this.to = to;
  }
}

/** The coordinator has cut the connection before it was one: it may have other keys, or be about to end or to start. */
export class HandshakeFailed extends LinkLost {
  override readonly name = 'HandshakeFailed';
}

/**
 * Serves one run over a link: hello, get ready, answer assignments until told to stop.
 * @throws LinkLost when cut off, Interrupted when told to leave before the run is over, RunError when refused or when the
 *   data or the engine cannot be had
 */
export async function serve(link: Link, options: WorkerOptions): Promise<void> {
  const send: Send = (message, tensors) => link.send(encode(message, tensors));
  if (options.leave.aborted) throw new Interrupted(hasLeft);
  send(helloOf('worker', options));
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
    const { arena } = computer;
    const channel = shared && arena?.channels[shared.channel];
    if (!arena || !channel) return;
    const { system } = shared.memory;
    const duty = { arena, channel, system, computer, alone, send, partition, signal: over.signal };
    steps = serveChannel(duty).catch((error: unknown) => {
      if (error instanceof NoLongerWanted) return;
      tellOfData(error, send);
      failure = error;
      void link.close();
    });
  };
  const data = new DataWait(send);
  const ports = {
    takes: (frames: Frames) => data.takes(frames),
    onEnd: (error: unknown) => data.end(error ?? (options.leave.aborted ? new Interrupted(hasLeft) : linkEnd(link))),
  };
  try {
    for await (const frames of inbox(link, ports)) {
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
          prepared = await unlessUnwanted(() => orFailed(() => data.preparing(() => prepare(message, options, data, send)), send));
          if (!prepared) break;
          watchChannel(prepared);
          options.say(`ready: ${prepared.engine.identity.library} ${prepared.engine.identity.provider}`);
          break;
        case 'step':
          await ofData(() => alone(() => answerStep(expectPrepared(prepared, message.type), message, tensors, send)), send);
          break;
        case 'evaluate':
          await ofData(() => alone(() => answerEvaluate(expectPrepared(prepared, message.type), message, tensors, send)), send);
          break;
        case 'weights':
          expectPrepared(prepared, message.type).weights.take(message.version, [message.part], tensors);
          break;
        case 'probe':
          break;
        case 'reconnect':
          throw new LinkLost(`this worker is to come again: ${message.reason}`);
        case 'refuse':
          throw new RunError(`the coordinator says: ${printableLine(message.reason)}`);
        case 'move':
          throw new Moved(message);
        case 'admit':
        case 'dismiss':
        case 'samples':
          throw new ProtocolError(`the coordinator sent ${message.type} to a worker`);
        case 'stop':
          send({ type: 'leaving' });
          if (!message.isOver) throw new CoordinatorEnded('the coordinator has ended before the run was over');
          return;
        default:
          message satisfies never;
      }
    }
  } finally {
    options.leave.removeEventListener('abort', leave);
    over.abort();
    data.end(new NoLongerWanted('it is over'));
    await steps;
    await prepared?.engine.close();
    prepared?.samples.close();
  }
  if (failure !== undefined) throw failure;
  if (options.leave.aborted) throw new Interrupted(hasLeft);
  throw linkEnd(link);
}

/** What the end of a link means, where nobody has told this process to leave. */
export function linkEnd({ lossReason = 'the link was closed', isTurnedAway }: Link): RunError {
  switch (isTurnedAway) {
    case 'yes':
      return new RunError(lossReason);
    case 'perhaps':
      return new HandshakeFailed(lossReason);
    case 'no':
      return new LinkLost(lossReason);
  }
}

/** Whoever started it knows by its exit code that the run still needs a worker. */
export const hasLeft = 'left before the run was over';

/** What a process says of itself when it connects. */
export function helloOf(role: Message<'hello'>['role'], { version, slot, number, ticket, misses = 0 }: Known): Message<'hello'> {
  const cpu = cpus()[0]?.model.trim() ?? process.arch;
  const { pid, platform } = process;
  return {
    ...{ type: 'hello', protocol: protocolVersion, version, node: process.version, host: hostname(), platform, cpu, pid, role },
    ...(slot === undefined ? {} : { slot }),
    ...(number === undefined ? {} : { number }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(misses === 0 ? {} : { misses }),
  };
}

type Known = Pick<WorkerOptions, 'version' | 'slot' | 'number' | 'ticket' | 'misses'>;

/** Tells the coordinator that it cannot go on, where that is so. */
async function orFailed<T>(work: () => Promise<T>, send: (message: FromWorker) => void): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isLeftOff(error)) send({ type: 'failed', reason: errorMessage(error).slice(0, 4_000) });
    throw error;
  }
}

/** Samples that cannot be read are the same for whoever reads them: the coordinator is told, and starts no worker again for them. */
function tellOfData(error: unknown, send: (message: FromWorker) => void): void {
  if (error instanceof DataError) send({ type: 'failed', reason: error.message.slice(0, 4_000) });
}

/** Work that reads samples, which may not come any more, or be bad. */
function ofData(work: () => Promise<void>, send: (message: FromWorker) => void): Promise<void> {
  return unlessUnwanted(() =>
    work().catch((error: unknown) => {
      tellOfData(error, send);
      throw error;
    }),
  );
}

/** Work for which samples do not come any more is left; why, the next message says. */
async function unlessUnwanted<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NoLongerWanted) return undefined;
    throw error;
  }
}

/** Nobody wants it any more. */
function isLeftOff(error: unknown): boolean {
  const kinds = [NoLongerWanted, LinkLost, Interrupted];
  return error instanceof Error && (error.name === 'AbortError' || kinds.some((kind) => error instanceof kind));
}

async function answerStep(
  { computer, partition, weights }: Prepared,
  { work, step, epoch, batch, nodes, version, parts }: Message<'step'>,
  tensors: readonly Float32Array[],
  send: Send,
): Promise<void> {
  weights.take(version, parts, tensors);
  const asked = { step, epoch, from: batch[0], to: batch[1] };
  await computer.beginWork(step, weights.whole(version));
  for (const [from, to] of nodes) {
    await computer.fetch(asked, { from, to });
    const startedAt = now();
    const { gradient, shards } = await computer.gradient(asked, { from, to });
    // The sum of several may not fit into 16 bits.
    const halves = shards.length === 1 ? computer.halves : undefined;
    sendGradient({ work, node: [from, to], shards, startedAt, computeMs: now() - startedAt }, gradient, partition, send, halves);
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
    const first = chunk * config.validationBatchSize;
    const count = Math.min(config.validationBatchSize, reader.dataset.count - first);
    if (count <= 0) throw new ProtocolError(`asked for chunk ${chunk} of the ${part} part, which has ${reader.dataset.count} samples`);
    await reader.dataset.fetch?.(Int32Array.from({ length: count }, (_, i) => first + i));
    const startedAt = now();
    reader.fillRange(first, count);
    const { inputs, targets, sampleWeights } = reader;
    const { loss, metrics } = await engine.evaluate({ count, inputs, targets, sampleWeights, masks: [] }, weights.whole(version));
    send({
      type: 'evaluation',
      work,
      chunk,
      sums: { count, loss, metrics: [...metrics], squaredNorm: 0 },
      startedAt,
      computeMs: now() - startedAt,
    });
    // An engine that waits for nothing would keep signals and the coordinator's end waiting for all chunks.
    await turn();
  }
}

function expectPrepared(prepared: Prepared | undefined, type: string): Prepared {
  if (!prepared) throw new ProtocolError(`the coordinator sent ${type} before configure`);
  return prepared;
}
