import { errorMessage, Interrupted } from '../shared/errors.js';
import type { RunKeys } from '../shared/keys.js';
import { openLink } from '../shared/transport.js';
import { version } from '../shared/version.js';
import { knock, pauseUnless, type Whereabouts } from './knock.js';
import { CoordinatorEnded, HandshakeFailed, hasLeft, LinkLost, serve } from './serve.js';

export interface ServeRunsOptions {
  readonly coordinator: Whereabouts;
  readonly keys: RunKeys | undefined;
  /** Seconds to wait for a coordinator that is not there yet. */
  readonly connectTimeout: number;
  /** Seconds to wait for one that is gone. */
  readonly reconnectTimeout: number;
  readonly slot: number | undefined;
  /** Workers of the run on this machine; default: where there is a slot, all of them. */
  readonly workersHere?: number | undefined;
  /** File of the memory that the coordinator shares, if it does. */
  readonly sharedFile: number | undefined;
  /** The only folder that the coordinator can name files in. */
  readonly dataRoot: string;
  /** Aborts when the worker should say that it leaves, and leave. */
  readonly leave: AbortSignal;
  readonly say: (line: string) => void;
}

/** Milliseconds before a coordinator that cut this worker off is tried again. */
const reconnectPause = 500;
/** Connections that are cut before they are one, after which it is the key that does not fit. */
const handshakes = 4;
/** Bytes: a worker learns how large tensors are only from the coordinator's config. */
const maxFrame = 2 ** 30;

/**
 * Serves a coordinator until the run is over. Where the connection is lost, or the coordinator ends before that, a resumed
 * one may come back at the same address: the worker then joins it, as a new incarnation over a new socket.
 * @throws RunError where there is no coordinator in time, or it refuses this worker; Interrupted when told to leave
 */
export async function serveRuns({
  coordinator,
  keys,
  connectTimeout,
  reconnectTimeout,
  leave,
  say,
  ...options
}: ServeRunsOptions): Promise<void> {
  let timeout = connectTimeout;
  let failedHandshakes = 0;
  for (;;) {
    const found = await knock(coordinator, { connectTimeout: timeout, say, leave });
    if (found === undefined) throw new Interrupted(hasLeft);
    const link = openLink(found, maxFrame, keys);
    try {
      await serve(link, { ...options, version, say, leave });
      return;
    } catch (error) {
      failedHandshakes = error instanceof HandshakeFailed ? failedHandshakes + 1 : 0;
      if (!mayBecomeBetter(error, failedHandshakes, reconnectTimeout))
        throw error instanceof CoordinatorEnded ? new Interrupted(error.message) : error;
      if (failedHandshakes === 0) {
        say(`${errorMessage(error)}; waiting up to ${reconnectTimeout} s for it to come back`);
        timeout = reconnectTimeout;
      }
      await pauseUnless(leave, reconnectPause);
    } finally {
      await link.close();
    }
  }
}

function mayBecomeBetter(error: unknown, failedHandshakes: number, reconnectTimeout: number): boolean {
  if (failedHandshakes > 0) return failedHandshakes < handshakes;
  return error instanceof LinkLost && reconnectTimeout > 0;
}
