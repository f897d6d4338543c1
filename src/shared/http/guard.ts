import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { type DashboardAddress, gateFor } from './access.js';

/** Where it is asked whether all is well: it tells nothing else, needs no token and is not counted. */
export const healthPath = '/healthz';

export interface GuardOptions {
  readonly address: DashboardAddress;
  /** Who has it may ask; undefined lets in everyone on this machine. */
  readonly token: string | undefined;
  /** Requests that one address may make a second. */
  readonly maxRate: number;
  /** Content-Security-Policy of every answer. */
  readonly contentSecurityPolicy: string;
}

/** Lets in who may ask. Requests are counted before tokens are looked at: wrong ones cannot be tried more often than others. */
export async function guard(app: FastifyInstance, options: GuardOptions): Promise<void> {
  const { address, token, maxRate, contentSecurityPolicy } = options;
  const isHealth = ({ url }: { readonly url: string }): boolean => url === healthPath;
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
  });
  await app.register(rateLimit, { global: false, max: maxRate, timeWindow: 1_000, allowList: isHealth });
  app.addHook('onRequest', app.rateLimit());
  const gate = gateFor(address, () => portOf(app, address), token);
  app.addHook('onRequest', async (request, reply) => {
    if (isHealth(request)) return;
    const verdict = gate(request);
    switch (verdict.kind) {
      case 'in':
        return;
      case 'cookie':
        return reply.header('set-cookie', verdict.cookie).redirect('/');
      case 'out':
        return reply.code(verdict.code).send({ message: verdict.reason });
      default:
        verdict satisfies never;
    }
  });
}

/** The port that a server listens at. */
export function portOf({ server }: FastifyInstance, { port }: DashboardAddress): number {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}
