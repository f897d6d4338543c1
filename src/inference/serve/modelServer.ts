import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { DashboardAddress } from '../../shared/http/access.js';
import { Draining } from '../../shared/http/draining.js';
import { guard, healthPath } from '../../shared/http/guard.js';
import { closeStalled, requestLimits } from '../../shared/http/limits.js';
import { answerErrors } from '../../shared/http/problemAnswers.js';
import { version } from '../../shared/system/version.js';
import { answersOf, classifierOf } from '../classify.js';
import type { Model } from '../model.js';
import { Batcher } from './batcher.js';
import { parseBody, sampleOfImage, samplesOfJson } from './body.js';
import { page } from './page.js';
import { ServeMetrics } from './requestMetrics.js';
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
  /** Seconds that a request, headers and body, may take to come. */
  readonly requestTimeout: number;
  /** Seconds in which requests under way are answered once the server ends. */
  readonly gracePeriod: number;
  /** Hears what went wrong inside, which clients are not told. */
  readonly log: (line: string) => void;
}

export interface PredictServer {
  readonly app: FastifyInstance;
  readonly draining: Draining;
}

/**
 * A server that answers POST /predict with what a model says of JSON or an image, beside /healthz, /metrics, /openapi.json and a
 * page that says how to ask. Call `listen` on its app; `close` answers what is under way first.
 */
export async function predictServer(options: PredictServerOptions): Promise<PredictServer> {
  const { model, address, token, maxBody, maxRate } = options;
  const app = fastify({ bodyLimit: maxBody, ...requestLimits(options.requestTimeout * 1_000) });
  // Bodies are checked by ourselves: errors name the sample.
  app.setValidatorCompiler(() => () => true);
  const metrics = new ServeMetrics();
  const draining = new Draining(app, options.gracePeriod * 1_000);
  closeStalled(app);
  const contentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  await guard(app, { address, token, maxRate, contentSecurityPolicy });
  await app.register(swagger, { openapi: { info: { title: 'bpnn-dist', description: `The model of ${model.folder}`, version } } });
  answerErrors(app, options.log);
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_: FastifyRequest, body: string) => parseBody(body));
  app.addContentTypeParser(['image/png', 'image/jpeg'], { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  routePredict(app, model, metrics);
  app.get(
    healthPath,
    { schema: { summary: 'Is it well?', response: { 200: { type: 'object', properties: { status: { type: 'string' } } } } } },
    async () => ({ status: 'ok' }),
  );
  app.get('/metrics', { schema: { summary: 'Figures for Prometheus' } }, async (_, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/', { schema: { hide: true } }, async (_, reply) => reply.type('text/html; charset=utf-8').send(page(model)));
  await app.ready();
  return { app, draining };
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
