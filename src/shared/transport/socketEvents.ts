import type { Dealer, Event, Router } from 'zeromq';
import { errorCode } from '../text/errors.js';

/**
 * ZMTP heartbeats run in the I/O thread: a worker that computes for long is alive, one that is stopped is not. Each side
 * asks for itself. A time to live, which would have the other side end the connection after a silence, is left out: its
 * timer is always running, so a side that was stopped would end all its connections before it reads what has come.
 */
export const heartbeat = { heartbeatInterval: 1_000, heartbeatTimeout: 5_000 };
/** Milliseconds that closing waits for the last messages to leave. */
export const linger = 500;

/**
 * Tells what happens to a socket's connections, until it is closed. A socket that closes does not always get to tell its
 * observer, which would then keep the process alive for ever: so close both, the observer first.
 */
export function watch(socket: Dealer | Router, onEvent: (event: Event) => void): { close(): void } {
  const { events } = socket;
  const follow = async (): Promise<void> => {
    while (!events.closed) onEvent(await events.receive());
  };
  // What it waits for fails when it is closed, and so does closing it.
  follow().catch(() => undefined);
  return {
    close() {
      try {
        events.close();
      } catch (error) {
        if (errorCode(error) !== 'ENOTSOCK') throw error;
      }
    },
  };
}
