import { Interrupted } from '../../shared/text/errors.js';
import { sockets } from '../../shared/transport/sockets.js';
import type { Link, Patience } from '../../shared/transport/transport.js';
import { pauseUnless } from './awaitCoordinator.js';
import { hasLeft } from './linkErrors.js';
import { type Connection, type StayOptions, Way } from './way.js';

/** Bytes: how large tensors are a process learns only from the coordinator's config. */
const maxFrame = 2 ** 30;

/**
 * Connects to a coordinator and serves it, again and again, until the run is over. It may send who connects to an
 * aggregator instead; whoever has lost that comes back to the coordinator.
 * @throws RunError where there is no coordinator in time, or it refuses; Interrupted when told to leave
 */
export async function stayConnected(options: StayOptions, serveOver: (link: Link, connection: Connection) => Promise<void>): Promise<void> {
  const { keys, leave, connectTimeout, transport = sockets } = options;
  const way = new Way(options);
  for (;;) {
    const connection = await way.next();
    if (leave.aborted) throw new Interrupted(hasLeft);
    if (!connection) continue;
    // An aggregator that is silent is not the coordinator's end: the worker goes back to that.
    const timeout = connection.ticket === undefined ? connectTimeout : undefined;
    const patience = patienceFor(connection);
    // Who has said hello hears at least the coordinator's probes.
    const link = transport.openLink(connection.address, {
      ...{ maxFrameBytes: maxFrame, keys, patience },
      ...{ handshakeTimeout: timeout, answerTimeout: timeout },
    });
    try {
      await serveOver(link, connection);
      return;
    } catch (error) {
      if (leave.aborted) throw new Interrupted(hasLeft);
      await pauseUnless(leave, await way.lost(error));
    } finally {
      await link.close();
    }
  }
}

/** Whose aggregator is stopped has a coordinator to go back to; nobody stands in for the coordinator. */
function patienceFor({ ticket, isSameMachine }: Connection): Patience {
  if (ticket !== undefined) return 'short';
  return isSameMachine ? 'forever' : 'long';
}
