import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type DashboardAddress, gateFor } from '../../shared/access.js';
import { DataError, errorMessage } from '../../shared/errors.js';
import { version } from '../../shared/version.js';
import { answersOf, classifierOf } from '../classify.js';
import type { Model } from '../model.js';
import { Batcher } from './batcher.js';
import { sampleOfImage, samplesOfJson } from './body.js';
import { ServeMetrics } from './metrics.js';
import { page } from './page.js';
import { predictSchema } from './schemas.js';

export interface PredictServerOptions {
  readonly model: Model;
  readonly address: DashboardAddress;
  /** Who has it may ask; undefined lets in everyone on this machine. */
  readonly token: string | undefined;
  /** Bytes that one request may have. */
  readonly maxBody: number;
  /** Requests that one address may make a second. */
  readonly maxRate: number;
}

/** Where it is asked whether all is well. It tells nothing else, and needs no token. */
const health = '/health';

/**
 * A server that answers POST /predict with what a model says of JSON or an image, beside /health, /metrics, /openapi.json and a
 * page that says how to ask. Call `listen` on it.
 */
export async function predictServer(options: PredictServerOptions): Promise<FastifyInstance> {
  const { model, maxBody, maxRate } = options;
  const app = fastify({ bodyLimit: maxBody, forceCloseConnections: true });
  // Bodies are checked by ourselves: errors name the sample.
  app.setValidatorCompiler(() => () => true);
  const metrics = new ServeMetrics();
  guard(app, options);
  await app.register(rateLimit, { max: maxRate, timeWindow: 1_000, allowList: (request) => request.url === health });
  await app.register(swagger, { openapi: { info: { title: 'bpnn-dist', description: `The model of ${model.folder}`, version } } });
  app.setErrorHandler((error: Error & { statusCode?: number }, _, reply) => {
    const status = error instanceof DataError ? 400 : (error.statusCode ?? 500);
    return reply.code(status).send({ message: error.message });
  });
  app.addContentTypeParser(['image/png', 'image/jpeg'], { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  routePredict(app, model, metrics);
  app.get(
    health,
    { schema: { summary: 'Is it well?', response: { 200: { type: 'object', properties: { status: { type: 'string' } } } } } },
    async () => ({ status: 'ok' }),
  );
  app.get('/metrics', { schema: { summary: 'Figures for Prometheus' } }, async (_, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/', { schema: { hide: true } }, async (_, reply) => reply.type('text/html; charset=utf-8').send(page(model)));
  await app.ready();
  return app;
}

function guard(app: FastifyInstance, { address, token }: PredictServerOptions): void {
  const port = (): number => {
    const bound = app.server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : address.port;
  };
  const gate = gateFor(address, port, token);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    });
    if (request.url === health) return;
    const verdict = gate(request);
    if (verdict.kind === 'cookie') return reply.header('set-cookie', verdict.cookie).redirect('/');
    if (verdict.kind === 'out') return reply.code(verdict.code).send({ message: verdict.reason });
  });
}

function routePredict(app: FastifyInstance, model: Model, metrics: ServeMetrics): void {
  const batcher = new Batcher(model, (samples) => metrics.batch.set(samples));
  const classify = classifierOf(model.spec);
  const { inputs: inputWidth, outputs: width } = model.network;
  app.post('/predict', { schema: predictSchema(model) }, async (request, reply: FastifyReply) => {
    const end = metrics.seconds.startTimer();
    reply.raw.once('close', () => {
      end();
      metrics.requests.inc({ status: reply.statusCode });
    });
    const { body } = request;
    const inputs = Buffer.isBuffer(body) ? await sampleOfImage(model, body) : samplesOfJson(model, body);
    const given = await batcher.predict(inputs);
    metrics.samples.inc(inputs.length / inputWidth);
    const predictions = answersOf(given, width, classify, model.classes);
    return { predictions };
  });
}

/** Why a server cannot listen, as one line. */
export function listenProblem({ host, port }: DashboardAddress, error: unknown): string {
  return `cannot listen at ${host}:${port}: ${errorMessage(error)}`;
}
