import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastify, { type FastifyInstance } from 'fastify';
import { type DashboardAddress, urlAt } from '../../shared/http/access.js';
import { Draining } from '../../shared/http/draining.js';
import { guard, healthPath, portOf } from '../../shared/http/guard.js';
import { closeStalled, requestLimits } from '../../shared/http/limits.js';
import { answerErrors, listenProblem } from '../../shared/http/problemAnswers.js';
import type { HardestImages } from '../../shared/model/hardestImages.js';
import { DataError, errorMessage, RunError, UsageError } from '../../shared/text/errors.js';
import type { RunList } from './api.js';
import { Changes } from './changes.js';
import { prometheusText, prometheusType } from './prometheus.js';
import type { RunSet } from './runSet.js';

export interface ServerOptions {
  readonly address: DashboardAddress;
  /** Who has it may look; undefined lets in everyone on this machine. */
  readonly token: string | undefined;
  /** Requests that one address may make a second. */
  readonly maxRate: number;
  readonly runs: RunSet;
  /** The images that the model in a run's folder gets most wrong. */
  readonly hardest: (folder: string) => Promise<HardestImages>;
  /** Hears what went wrong inside, which browsers are not told. */
  readonly log: (line: string) => void;
}

export interface DashboardServer {
  /** With the token, where one is needed. */
  readonly url: string;
  /** Tells everyone who watches, lets them read the last of it, and ends. @param reason why the run has failed, if it has */
  close(reason: string | null): Promise<void>;
}

/** Where it is asked whether what runs is well. */
/** Milliseconds that a request may take to come: none has a body. */
const requestTimeout = 10_000;
/** Milliseconds in which requests under way are answered once everyone who watches has left. */
const gracePeriod = 3_000;
/** Characters of a run's id in an address: a folder's name has at most 255 bytes, each of which may be written as %XX. */
const maxParamLength = 1_024;

/**
 * Serves the page and what it shows.
 * @throws UsageError where the port is in use, or cannot be had
 */
export async function serveDashboard(options: ServerOptions): Promise<DashboardServer> {
  const { address, token, maxRate } = options;
  const changes = new Changes(options.runs);
  const app = fastify({ ...requestLimits(requestTimeout), routerOptions: { maxParamLength } });
  new Draining(app, gracePeriod);
  closeStalled(app);
  await guard(app, { address, token, maxRate, contentSecurityPolicy: "default-src 'self'; frame-ancestors 'none'" });
  answerErrors(app, options.log);
  routePage(app);
  routeApi(app, options, changes);
  try {
    await app.listen(address);
  } catch (error) {
    throw new UsageError(`the dashboard ${listenProblem(address, error)}`);
  }
  return {
    url: `${urlAt(address, portOf(app, address))}${token === undefined ? '' : `?token=${token}`}`,
    async close(reason) {
      await changes.close(reason);
      await app.close();
    },
  };
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
      const run = find(params.id);
      await run.checkModels();
      return await hardest(run.path);
    } catch (error) {
      // Not while there is no model yet, for one.
      if (![UsageError, DataError, RunError].some((kind) => error instanceof kind)) throw error;
      return reply.code(409).send({ message: errorMessage(error) });
    }
  });
  app.get(healthPath, async (_, reply) => {
    await Promise.all(runs.all().map((run) => run.refresh()));
    const silent = runs.all().some((run) => run.isSilent);
    return reply.code(silent ? 503 : 200).send({ status: silent ? 'a run that should be under way writes nothing' : 'ok' });
  });
  app.get('/metrics', async (_, reply) => {
    await Promise.all(runs.all().map((run) => run.refresh()));
    return reply.type(prometheusType).send(await prometheusText(runs.all()));
  });
}
