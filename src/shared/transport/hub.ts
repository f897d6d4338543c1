import { Context, Router } from 'zeromq';
import { errorCode, UsageError } from '../text/errors.js';
import { isIpv6 } from './address.js';
import { openGate } from './gate.js';
import { heartbeat, linger, watch } from './socketEvents.js';
import type { Frames, Hub, HubOptions, Incarnation } from './transport.js';

/** Binds the coordinator's ZeroMQ socket; see Transport. */
export async function openHub({ address, alsoAt, maxFrameBytes, keys, onTurnedAway }: HubOptions): Promise<Hub> {
  const context = new Context();
  const gate = keys && (await openGate(context, keys, onTurnedAway));
  // A send never waits for a peer: it goes out, or its peer is gone. Mandatory makes an unknown peer an error.
  const socket = new Router({
    context,
    // Only where it is needed: a kernel may have none.
    ipv6: isIpv6(address),
    mandatory: true,
    sendTimeout: 0,
    linger,
    maxMessageSize: maxFrameBytes,
    ...heartbeat,
    ...(keys && { curveServer: true, curveSecretKey: keys.coordinatorSecret, zapDomain: 'bpnn-dist' }),
  });
  let turnedAway = 0;
  const events = watch(socket, (event) => {
    // One that breaks off in the middle is a worker that has only knocked.
    if (event.type === 'handshake:error:protocol' || event.type === 'handshake:error:auth') turnedAway++;
    // The gate has told of an unknown key, and from where it came.
    if (event.type === 'handshake:error:protocol') onTurnedAway?.(`a connection was turned away: ${handshakeFailure(event.error)}`);
  });
  let bound = address;
  try {
    if (alsoAt !== undefined) await socket.bind(alsoAt);
    await socket.bind(address);
    bound = socket.lastEndpoint ?? address;
  } catch (error) {
    events.close();
    socket.close();
    gate?.close();
    throw new UsageError(`cannot listen on ${address}: ${bindFailure(error)}`);
  }
  const queue: { to: Incarnation; frames: Frames; onUnreachable: () => void }[] = [];
  let pumping: Promise<void> | undefined;
  const pump = async (): Promise<void> => {
    // One send in flight a socket: a second one fails with EBUSY.
    for (let next = queue.shift(); next && !socket.closed; next = queue.shift()) {
      try {
        await socket.send([Buffer.from(next.to, 'hex'), ...next.frames]);
      } catch (error) {
        if (socket.closed) return;
        if (!['EHOSTUNREACH', 'EAGAIN'].includes(errorCode(error))) throw error;
        next.onUnreachable();
      }
    }
  };
  const drain = (): void => {
    pumping ??= pump().finally(() => {
      pumping = undefined;
      if (queue.length > 0 && !socket.closed) drain();
    });
  };
  return {
    address: bound,
    send(to, frames, onUnreachable) {
      queue.push({ to, frames, onUnreachable });
      drain();
    },
    get turnedAway() {
      return turnedAway;
    },
    async *messages() {
      for await (const [peer, ...frames] of socket) yield { from: peer?.toString('hex') ?? '', frames };
    },
    async close() {
      if (socket.closed) return;
      await pumping;
      events.close();
      socket.close();
      gate?.close();
    },
  };
}

function handshakeFailure(error: Error): string {
  switch (errorCode(error)) {
    case 'ERR_ZMTP_MECHANISM_MISMATCH':
      return 'it came without a key, and this run needs one';
    case 'ERR_ZMTP_CRYPTOGRAPHIC':
      return 'its keys are not those of this run';
    default:
      return `it does not keep to ZeroMQ's protocol (${errorCode(error)})`;
  }
}

function bindFailure(error: unknown): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return 'the port is in use; choose another, or 0 for any that is free';
    case 'EACCES':
      return 'permission denied';
    case 'EADDRNOTAVAIL':
    case 'ENODEV':
    case 'EAFNOSUPPORT':
      return 'this machine has no such address';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
