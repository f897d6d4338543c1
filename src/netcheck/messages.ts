import { z } from 'zod';
import { ProtocolError } from '../shared/text/errors.js';

/**
 * What a check of the network says: a line of JSON and, where it is `data`, a frame of bytes, over the sockets that a run
 * uses, with its keys.
 */
const fromPeer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('hello'), version: z.string(), name: z.string(), host: z.string() }),
  /** `at`: milliseconds since 1970 by the peer's clock. */
  z.strictObject({ type: z.literal('pong'), id: z.int(), at: z.number() }),
  /** All of `end` has come. */
  z.strictObject({ type: z.literal('got') }),
  z.strictObject({ type: z.literal('data') }),
]);

const toPeer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ping'), id: z.int() }),
  z.strictObject({ type: z.literal('data') }),
  /** That was the last: say that you have got it. */
  z.strictObject({ type: z.literal('end') }),
  /** Send so many frames of data. */
  z.strictObject({ type: z.literal('send'), frames: z.int().min(1).max(1_024) }),
  z.strictObject({ type: z.literal('refuse'), reason: z.string() }),
  z.strictObject({ type: z.literal('stop') }),
]);

export type FromPeer = z.output<typeof fromPeer>;
export type ToPeer = z.output<typeof toPeer>;

/** Bytes of a frame of data, as in a large part of a tensor. */
export const frameBytes = 2 ** 20;

const noise = Buffer.alloc(frameBytes, 0xa5);

export function framesOf(message: FromPeer | ToPeer): Uint8Array[] {
  return [Buffer.from(JSON.stringify(message)), ...(message.type === 'data' ? [noise] : [])];
}

/** @throws ProtocolError */
export function readFromPeer(frames: readonly Uint8Array[]): FromPeer {
  return read(fromPeer, frames);
}

/** @throws ProtocolError */
export function readToPeer(frames: readonly Uint8Array[]): ToPeer {
  return read(toPeer, frames);
}

function read<T>(schema: z.ZodType<T>, [header]: readonly Uint8Array[]): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(header ?? []).toString()));
  } catch {
    throw new ProtocolError('it is no message of a check of the network: is something else listening there?');
  }
}
