import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';

/** Milliseconds that a client has to send the rest of a body after its request was refused. */
const restOfBody = 1_000;
/** Milliseconds without progress after which an answer that its client does not read is given up. */
const stalledAnswer = 30_000;
/** Milliseconds that the headers of a request may take. */
const longestHeaders = 10_000;

/**
 * Options of a server whose every request, headers and body, must have come within a time: one that has not is answered 408,
 * and its connection is closed. Without them Fastify waits for ever.
 * @param requestTimeout milliseconds
 */
export function requestLimits(
  requestTimeout: number,
): Pick<FastifyHttpOptions<Server>, 'requestTimeout' | 'http' | 'forceCloseConnections'> {
  const headersTimeout = Math.min(longestHeaders, requestTimeout);
  // Node looks at its connections from time to time; by default only every 30 s.
  const connectionsCheckingInterval = Math.min(1_000, requestTimeout);
  return { requestTimeout, http: { requestTimeout, headersTimeout, connectionsCheckingInterval }, forceCloseConnections: true };
}

/** Closes connections whose client goes on sending what has been answered already, such as a refused body, or reads no answer. */
export function closeStalled(app: FastifyInstance): void {
  app.addHook('onSend', async ({ raw }) => {
    // Node takes it back once the answer is sent. Fastify's own injected requests have no socket.
    if (raw.socket instanceof Socket) raw.socket.setTimeout(stalledAnswer);
  });
  app.addHook('onResponse', async ({ raw }) => {
    // Closing at once could take the answer from a client that is still sending.
    if (raw.complete === false) setTimeout(() => raw.complete || raw.socket.destroy(), restOfBody).unref();
  });
}
