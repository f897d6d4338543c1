import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastify, { type FastifyInstance } from 'fastify';
import { type DashboardAddress, gateFor } from '../../shared/access.js';
import { errorCode, errorMessage, UsageError } from '../../shared/errors.js';
import type { HardestImages } from '../../shared/hardestImages.js';
import type { RunList } from './api.js';
import { Changes } from './changes.js';
import { prometheusText, prometheusType } from './prometheus.js';
import type { RunSet } from './runSet.js';

export interface ServerOptions {
  readonly address: DashboardAddress;
  /** Who has it may look; undefined lets in everyone on this machine. */
  readonly token: string | undefined;
  readonly runs: RunSet;
  /** The images that the model in a run's folder gets most wrong. */
  readonly hardest: (folder: string) => Promise<HardestImages>;
}

export interface DashboardServer {
  /** With the token, where one is needed. */
  readonly url: string;
  /** Tells everyone who watches, lets them read the last of it, and ends. @param reason why the run has failed, if it has */
  close(reason: string | null): Promise<void>;
}

/**
 * Serves the page and what it shows.
 * @throws UsageError where the port is in use, or cannot be had
 */
export async function serveDashboard(options: ServerOptions): Promise<DashboardServer> {
  const { address, token } = options;
  const changes = new Changes(options.runs);
  const app = fastify({ forceCloseConnections: true });
  guard(app, options);
  routePage(app);
  routeApi(app, options, changes);
  try {
    await app.listen(address);
  } catch (error) {
    throw new UsageError(`the dashboard cannot listen at ${address.host}:${address.port}: ${reasonOf(error)}`);
  }
  const port = portOf(app, address);
  return {
    url: `http://${nameOf(address)}:${port}/${token === undefined ? '' : `?token=${token}`}`,
    async close(reason) {
      await changes.close(reason);
      await app.close();
    },
  };
}

function portOf({ server }: FastifyInstance, { port }: DashboardAddress): number {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

/** What others call this machine, where it listens at all its addresses. */
function nameOf({ host }: DashboardAddress): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
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

/** Where it is asked whether what runs is well. It tells nothing else, and needs no token. */
const health = '/healthz';

function guard(app: FastifyInstance, { address, token }: ServerOptions): void {
  const gate = gateFor(address, () => portOf(app, address), token);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    if (request.url === health) return;
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

const kinds: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page's few files and those of the chart library, by name: no path is ever made of what is asked for. */
function routePage(app: FastifyInstance): void {
  const page = dirname(fileURLToPath(import.meta.resolve('#dashboard-page')));
  const charts = dirname(fileURLToPath(import.meta.resolve('uplot')));
  const files = [
    ...readdirSync(page).map((name) => join(page, name)),
    ...['uPlot.iife.min.js', 'uPlot.min.css'].map((name) => join(charts, name)),
  ];
  for (const file of files) {
    const kind = kinds[extname(file)];
    if (kind === undefined) continue;
    const content = readFileSync(file);
    const name = basename(file);
    app.get(name === 'index.html' ? '/' : `/${name}`, (_, reply) => reply.type(kind).send(content));
  }
}

interface OfRun {
  readonly Params: { readonly id: string };
}

function routeApi(app: FastifyInstance, { runs, hardest }: ServerOptions, changes: Changes): void {
  const find = (id: string) => {
    const run = runs.get(id);
    if (!run) throw Object.assign(new UsageError(`there is no run ${id}`), { statusCode: 404 });
    return run;
  };
  app.get('/api/runs', async (): Promise<RunList> => ({ runs: runs.all().map(({ id }) => ({ id })) }));
  app.get('/api/events', async (_, reply) => {
    reply.hijack();
    await changes.watch(reply.raw);
  });
  app.get<OfRun>('/api/runs/:id', async ({ params }) => {
    const run = find(params.id);
    await run.refresh();
    return run.snapshot();
  });
  const whole = { type: 'integer', minimum: 0 };
  const schema = {
    querystring: {
      type: 'object',
      required: ['from', 'to', 'stride'],
      properties: { from: whole, to: whole, stride: { ...whole, minimum: 1 } },
    },
  };
  type Range = { readonly from: number; readonly to: number; readonly stride: number };
  app.get<OfRun & { Querystring: Range }>('/api/runs/:id/steps', { schema }, async ({ params, query }) => {
    const run = find(params.id);
    await run.refresh();
    return run.series(query.from, query.to, query.stride);
  });
  app.get<OfRun>('/api/runs/:id/hardest', async ({ params }, reply) => {
    try {
      return await hardest(find(params.id).path);
    } catch (error) {
      return reply.code(409).send({ message: errorMessage(error) });
    }
  });
  app.get(health, async (_, reply) => {
    await Promise.all(runs.all().map((run) => run.refresh()));
    const silent = runs.all().some((run) => run.isSilent);
    return reply.code(silent ? 503 : 200).send({ status: silent ? 'a run that should be under way writes nothing' : 'ok' });
  });
  app.get('/metrics', async (_, reply) => {
    await Promise.all(runs.all().map((run) => run.refresh()));
    return reply.type(prometheusType).send(await prometheusText(runs.all()));
  });
}
