import { hostname } from 'node:os';
import { now } from '../shared/system/clock.js';
import { version } from '../shared/system/version.js';
import { RunError } from '../shared/text/errors.js';
import { printableLine } from '../shared/text/printable.js';
import type { RunKeys } from '../shared/transport/keys.js';
import { openLink } from '../shared/transport/link.js';
import { knock, type Whereabouts } from '../worker/connection/awaitCoordinator.js';
import { type FromPeer, frameBytes, framesOf, readToPeer } from './messages.js';

export interface PeerOptions {
  readonly coordinator: Whereabouts;
  readonly keys: RunKeys | undefined;
  /** What it is called in the table; default: its host's name. */
  readonly name: string | undefined;
  /** Seconds to wait for whoever checks. */
  readonly connectTimeout: number;
  readonly say: (line: string) => void;
}

/**
 * Answers a check of the network until it is over.
 * @throws RunError where nobody is there, or the connection is lost
 */
export async function answerNetcheck({ coordinator, keys, name, connectTimeout, say }: PeerOptions): Promise<void> {
  const leave = new AbortController().signal;
  const address = await knock(coordinator, { connectTimeout, say, leave });
  if (address === undefined) return;
  const link = openLink(address, { maxFrameBytes: frameBytes + 64, keys, handshakeTimeout: connectTimeout });
  const send = (message: FromPeer): void => link.send(framesOf(message));
  try {
    send({ type: 'hello', version, name: name ?? hostname(), host: hostname() });
    for await (const frames of link.messages()) {
      const message = readToPeer(frames);
      switch (message.type) {
        case 'ping':
          send({ type: 'pong', id: message.id, at: now() });
          break;
        case 'data':
          break;
        case 'end':
          send({ type: 'got' });
          break;
        case 'send':
          for (let i = 0; i < message.frames; i++) send({ type: 'data' });
          send({ type: 'got' });
          break;
        case 'refuse':
          throw new RunError(printableLine(message.reason));
        case 'stop':
          return;
        default:
          message satisfies never;
      }
    }
  } finally {
    await link.close();
  }
  throw new RunError(link.lossReason ?? 'the link was closed');
}
