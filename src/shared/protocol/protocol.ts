import { Packr } from 'msgpackr';
import { z } from 'zod';
import { engineFigure } from '../engine/engineFigures.js';
import { engineNames } from '../engine/engineNames.js';
import { mostSlices, type Slices } from '../model/slices.js';
import { bytesOf } from '../numbers/bytesOf.js';
import { ProtocolError } from '../text/errors.js';
import { expectedWords } from '../text/expectedWords.js';
import { dataLayout, type RawSamples } from './dataLayout.js';
import { isPlainMsgpack } from './plainMsgpack.js';

/**
 * The whole conversation between coordinator and workers. An aggregator between them speaks as a worker to whom it has
 * come to, and as a coordinator to those who have come to it. A message is one msgpack frame, followed by raw
 * little-endian float32 frames where its kind has tensors. Tensors travel in slices, so that some
 * are added up, or moved, while others are on their way. Decoding is strict: nothing unknown gets through.
 */
export const protocolVersion = 8;

const index = z.int().min(0);
const count = z.int().min(1);
const line = z.string().max(4_096);
/** Any float64, NaN and infinities included: the sums of a network that diverges. */
const figure = z.custom<number>((value) => typeof value === 'number');

const sums = z.strictObject({
  count,
  loss: figure,
  metrics: z.array(figure).max(16),
  /** Of a shard's gradient sum; 0 for a chunk of an evaluation. */
  squaredNorm: figure,
});

/** Sums over the samples of one shard or one evaluation chunk, never means. */
export type UnitSums = z.output<typeof sums>;

const node = z.tuple([index, count]);

const slices = z.array(index).max(mostSlices).readonly();

const engine = z.strictObject({ engine: z.enum(engineNames), provider: line, library: line });

const addresses = z.array(line).min(1).max(2).readonly();

const hello = z.strictObject({
  type: z.literal('hello'),
  protocol: z.int(),
  version: line,
  node: line,
  host: line,
  platform: line,
  cpu: line,
  pid: index,
  slot: index.optional(),
  role: z.enum(['worker', 'aggregator']),
  number: index.optional(),
  ticket: index.optional(),
  misses: index.optional(),
});

const ready = z.strictObject({
  type: z.literal('ready'),
  engine,
  probe: line,
  fingerprint: line,
  sharesMemory: z.boolean().optional(),
  lacks: line.optional(),
});

const fromWorker = z.discriminatedUnion('type', [
  /**
   * A worker or an aggregator has connected: what it is and where it runs. `slot` is set by the coordinator that started
   * it, `number` is what it was called before, `ticket` names the `move` that it follows, and `misses` are the moves in a row
   * that led it nowhere.
   */
  hello,
  /** How long its engines take; `isOld`: it knew from before. The note is for a person. */
  z.strictObject({
    type: z.literal('measured'),
    figures: z.array(engineFigure).min(1).max(32).readonly(),
    isOld: z.boolean(),
    note: line.optional(),
  }),
  /**
   * It has the data and the engine; `probe` is the hash of its gradient of a fixed problem. `sharesMemory`: steps may be
   * asked of it there. `lacks`: why it has the data only as far as it `wants` them.
   */
  ready,
  /**
   * The gradient sum of one tree node [from, to) (its first slice) and the sums of each of its shards that is not empty.
   * `startedAt`: milliseconds of the worker's own clock.
   */
  z.strictObject({
    type: z.literal('gradient'),
    work: index,
    node,
    shards: z.array(sums).min(1).max(65_536).readonly(),
    startedAt: figure,
    computeMs: figure,
  }),
  /** The next slice of the gradient that was begun last. */
  z.strictObject({ type: z.literal('gradientSlice'), work: index, node, slice: count }),
  /** It lacks these samples of a split, by their places in it. Others may be asked for before they have come. */
  z.strictObject({
    type: z.literal('wants'),
    request: index,
    split: z.enum(['train', 'validation', 'test']),
    samples: z.array(index).min(1).max(65_536).readonly(),
  }),
  /** The sums of one evaluation chunk. */
  z.strictObject({ type: z.literal('evaluation'), work: index, chunk: index, sums, startedAt: figure, computeMs: figure }),
  /** An aggregator lets others in, who reach it there; `ticket`: not the sender, but that one below it. */
  z.strictObject({ type: z.literal('open'), listens: addresses, ticket: index.optional() }),
  /** A worker below an aggregator is ready, and waits to be admitted. */
  z.strictObject({ type: z.literal('joined'), ticket: index, hello, ready }),
  /** Who was moved there is gone from an aggregator, with all that are below it. `isFinal`: another try would end the same way. */
  z.strictObject({ type: z.literal('left'), ticket: index, reason: line, isFinal: z.boolean() }),
  /** What workers below an aggregator have done so far: ticket, units they have answered for, milliseconds they have computed. */
  z.strictObject({
    type: z.literal('worked'),
    workers: z
      .array(z.tuple([index, index, figure]))
      .max(65_536)
      .readonly(),
  }),
  /** It leaves: the run is over, or someone told it to. */
  z.strictObject({ type: z.literal('leaving') }),
  /** It cannot go on, and leaves. */
  z.strictObject({ type: z.literal('failed'), reason: line }),
]);

const offeredMemory = z.strictObject({
  /** An open file of the process that offers it, and its number, by which whoever opens it knows that it is the right one. */
  file: z.string().regex(/^\/proc\/\d+\/fd\/\d+$/),
  inode: index,
  /** Which of how many channels is the worker's own. */
  channel: index,
  channels: count,
});

/** Memory that a worker may share, if it finds it. */
export type OfferedMemory = z.output<typeof offeredMemory>;

const fromCoordinator = z.discriminatedUnion('type', [
  /** How long do your engines take for a shard of this? What is left open there is chosen by it. `isAnew`: forget what you know. */
  z.strictObject({ type: z.literal('measure'), config: z.record(z.string(), z.unknown()), isAnew: z.boolean() }),
  /**
   * What is trained on what, and how many values the slices of a tensor have; the worker gets ready. `layout` is what the data
   * are like, of which it can get what it lacks. `level` is how far the coordinator is: 1 for those that are connected to it.
   * `memory` may be shared by who runs on the same machine.
   */
  z.strictObject({
    type: z.literal('configure'),
    config: z.record(z.string(), z.unknown()),
    fingerprint: line,
    layout: dataLayout,
    sliceSize: count,
    level: count,
    memory: offeredMemory.optional(),
  }),
  /**
   * The samples that a worker wanted, in a frame for their inputs, one for their targets and, where they have some, one for
   * their weights. `reason`: why they cannot be had.
   */
  z.strictObject({ type: z.literal('samples'), request: index, reason: line.optional() }),
  /** A slice of some weights, ahead of what they are needed for. Slices of one version may come in any order. */
  z.strictObject({ type: z.literal('weights'), version: index, slice: index }),
  /**
   * Compute the gradients of these tree nodes of a step, whose samples are the positions [from, to) of its epoch's order.
   * `slices` of the weights that have not been sent come along.
   */
  z.strictObject({
    type: z.literal('step'),
    work: index,
    batch: z.strictObject({ step: index, epoch: index, from: index, to: count }),
    nodes: z.array(node).min(1).max(65_536),
    version: index,
    slices,
  }),
  /** Compute loss and metrics of these chunks of a split of the data, which has so many samples; weights as in `step`. */
  z.strictObject({
    type: z.literal('evaluate'),
    work: index,
    split: z.enum(['validation', 'test']),
    samples: count,
    chunks: z.array(index).min(1).max(1_000_000),
    version: index,
    slices,
  }),
  /** Connect to an aggregator, at the first of its addresses that you reach, with your number and the ticket. Come back when it is gone. */
  z.strictObject({ type: z.literal('move'), addresses, number: index, ticket: index }),
  /** To an aggregator: who has joined below it computes from now on. */
  z.strictObject({ type: z.literal('admit'), ticket: index }),
  /** To an aggregator: who has joined below it is sent away, for good or to come again; the reason is for a person. */
  z.strictObject({ type: z.literal('dismiss'), ticket: index, reason: line, isFinal: z.boolean() }),
  /** Are you there? Not answered: whether it can be sent is what the coordinator wants to know. */
  z.strictObject({ type: z.literal('probe') }),
  /** You were taken for dead and your work was given away; come back over a new connection if you can work. */
  z.strictObject({ type: z.literal('reconnect'), reason: line }),
  /** You are not let in; the reason is for a person. */
  z.strictObject({ type: z.literal('refuse'), reason: line }),
  /** Leave: the run is over, or its coordinator ends before it is, and may come back to go on with it. */
  z.strictObject({ type: z.literal('stop'), isOver: z.boolean() }),
]);

export type FromWorker = z.output<typeof fromWorker>;
export type FromCoordinator = z.output<typeof fromCoordinator>;
export type Message<T extends (FromWorker | FromCoordinator)['type']> = Extract<FromWorker | FromCoordinator, { type: T }>;

/** Which slices of its tensor a message carries, in the order of its frames. */
function slicesIn(message: FromWorker | FromCoordinator): readonly number[] {
  switch (message.type) {
    case 'gradient':
      return [0];
    case 'gradientSlice':
    case 'weights':
      return [message.slice];
    case 'step':
    case 'evaluate':
      return message.slices;
    default:
      return [];
  }
}

// Records would be state between messages; every header must stand alone.
const packr = new Packr({ useRecords: false, variableMapSize: true });

/** A message as frames. Tensors are not copied: they must stay as they are until the peer has answered. */
export function encode(message: FromWorker | FromCoordinator, tensors: readonly ArrayBufferView[] = []): Uint8Array[] {
  return [packr.pack(message), ...tensors.map(bytesOf)];
}

/** A way to send messages to whoever is at the other end of a link. */
export function sendingOver(link: {
  send(frames: readonly Uint8Array[]): void;
}): (message: FromWorker | FromCoordinator, tensors?: readonly ArrayBufferView[]) => void {
  return (message, tensors) => link.send(encode(message, tensors));
}

export interface Decoded<M> {
  readonly message: M;
  readonly tensors: readonly Float32Array[];
  /** Of `samples`: whoever wanted them knows what they must be. */
  readonly samples?: RawSamples;
}

/**
 * Reads what a worker sent.
 * @param cut how all tensors are
 * @param unpack reads tensors of 16 bits a value, where the run has them
 * @throws ProtocolError saying what is wrong with it
 */
export function decodeFromWorker(frames: readonly Uint8Array[], cut: Slices, unpack?: Unpack): Decoded<FromWorker> {
  return decode(fromWorker, frames, cut, unpack);
}

type Unpack = (frame: Uint8Array) => Float32Array;

/** The type of a message, for whoever looks at it before its turn; undefined where it is none. */
export function typeFromCoordinator([header]: readonly Uint8Array[]): FromCoordinator['type'] | undefined {
  if (!header || header.byteLength > maxHeaderBytes || !isPlainMsgpack(header)) return undefined;
  return fromCoordinator.safeParse(packr.unpack(header)).data?.type;
}

/** Reads what the coordinator sent; as `decodeFromWorker`. */
export function decodeFromCoordinator(frames: readonly Uint8Array[], cut: Slices, unpack?: Unpack): Decoded<FromCoordinator> {
  return decode(fromCoordinator, frames, cut, unpack);
}

const maxHeaderBytes = 1 << 20;

function decode<M extends FromWorker | FromCoordinator>(
  schema: z.ZodType<M>,
  frames: readonly Uint8Array[],
  cut: Slices,
  unpack: Unpack | undefined,
): Decoded<M> {
  const [header, ...rest] = frames;
  if (!header || header.byteLength > maxHeaderBytes)
    throw new ProtocolError(`expected a header of at most ${maxHeaderBytes} bytes, got ${header?.byteLength ?? 'no frame'}`);
  if (!isPlainMsgpack(header)) throw new ProtocolError('the header is not msgpack');
  const value: unknown = packr.unpack(header);
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = schema.safeParse(value, { error: expectedWords }).error?.issues[0];
    throw new ProtocolError(`not a message of the protocol: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
  }
  const message = result.data;
  if (message.type === 'samples') return { message, tensors: [], samples: rest };
  const slices = slicesIn(message);
  if (rest.length !== slices.length)
    throw new ProtocolError(`${message.type}: expected ${slices.length} tensor frames, got ${rest.length}`);
  const sizes = slices.map((slice) => {
    const place = cut[slice];
    if (!place) throw new ProtocolError(`${message.type}: there is no slice ${slice} of ${cut.length}`);
    return place.size;
  });
  return { message, tensors: rest.map((frame, i) => tensorOf(frame, message.type, sizes[i] ?? 0, unpack)) };
}

function tensorOf(frame: Uint8Array, type: string, size: number, unpack: Unpack | undefined): Float32Array {
  if (unpack && frame.byteLength === size * 2) return unpack(frame);
  if (frame.byteLength !== size * 4) throw new ProtocolError(`${type}: expected a tensor of ${size * 4} bytes, got ${frame.byteLength}`);
  // Nothing promises that ZeroMQ's frames are aligned.
  const aligned = frame.byteOffset % 4 === 0 ? frame : new Uint8Array(frame);
  return new Float32Array(aligned.buffer, aligned.byteOffset, size);
}
