import type { FastifyInstance } from 'fastify';
import { DataError, errorCode, errorMessage, UsageError } from '../text/errors.js';
import { hostInAddress } from '../transport/address.js';
import type { DashboardAddress } from './access.js';

/** Answers errors: what the client got wrong is told to it; anything else is logged, and the client is told nothing of it. */
export function answerErrors(app: FastifyInstance, log: (line: string) => void): void {
  app.setErrorHandler((error: Error & { readonly statusCode?: number }, { method, url }, reply) => {
    const status = error.statusCode ?? (error instanceof DataError || error instanceof UsageError ? 400 : 500);
    if (status < 500) return reply.code(status).send({ message: error.message });
    log(`${method} ${url.split('?')[0]}: internal error: ${error.stack ?? error.message}`);
    return reply.code(status).send({ message: 'internal error' });
  });
}

/** Why a server cannot listen, as one line. */
export function listenProblem({ host, port }: DashboardAddress, error: unknown): string {
  return `cannot listen at ${hostInAddress(host)}:${port}: ${reasonOf(error)}`;
}

function reasonOf(error: unknown): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return 'the port is in use; name another, or none for any that is free';
    case 'EACCES':
      return 'this port is not for everyone to use; name one from 1024 on';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address';
    default:
      return errorMessage(error);
  }
}
