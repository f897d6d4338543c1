import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { type Test, test } from 'tap';
import { Draining } from '../../../src/shared/http/draining.js';
import { portOf } from '../../../src/shared/http/guard.js';
import { closeStalled, requestLimits } from '../../../src/shared/http/limits.js';

const local = { host: '127.0.0.1', port: 0 };

/** A server whose /slow answers once it is told to, and /refused before it has read a body. */
async function serving(t: Test, { requestTimeout = 30_000, gracePeriod = 30_000 } = {}) {
  const app = fastify(requestLimits(requestTimeout));
  const draining = new Draining(app, gracePeriod);
  closeStalled(app);
  let answer: () => void = () => undefined;
  let onAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    onAsked = resolve;
  });
  app.get('/slow', () => {
    onAsked();
    return new Promise((resolve) => {
      answer = () => resolve('answered');
    });
  });
  app.post('/refused', { onRequest: async (_, reply) => reply.code(401).send('refused') }, async () => 'never');
  app.post('/taken', async () => 'taken');
  await app.listen(local);
  t.teardown(() => {
    draining.cutShort();
    return app.close();
  });
  return { app, draining, url: `http://127.0.0.1:${portOf(app, local)}`, asked, answer: () => answer() };
}

/** Says something to a server; `all` is what it has said by the time it closes. */
function saying(t: Test, app: FastifyInstance, text: string): { readonly socket: Socket; readonly all: Promise<string> } {
  const socket = connect(portOf(app, local), '127.0.0.1');
  t.teardown(() => socket.destroy());
  let said = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  socket.on('error', () => undefined).write(text);
  return { socket, all: once(socket, 'close').then(() => said) };
}

const slowBody = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\nx`;

test('a server that ends answers what is under way, and waits for no idle connection', async (t) => {
  const { app, url, asked, answer } = await serving(t);
  const idle = saying(t, app, '');
  await once(idle.socket, 'connect');
  await fetch(`${url}/nothing`);
  const slow = fetch(`${url}/slow`);
  await asked;
  const closed = app.close();
  t.equal((await fetch(`${url}/slow`)).status, 503, 'new ones are refused');
  answer();
  const response = await slow;
  t.equal(await response.text(), 'answered');
  t.equal(response.headers.get('connection'), 'close');
  await closed;
  t.equal(await idle.all, '');
  await t.rejects(fetch(`${url}/slow`));
});

test('what is not answered within the grace period is cut', async (t) => {
  const { app, draining, url, asked } = await serving(t, { gracePeriod: 1 });
  const slow = fetch(`${url}/slow`);
  await asked;
  await Promise.all([app.close(), t.rejects(slow)]);
  t.equal(draining.cut, 1);
});

test('a request that does not come to its end is closed, and so is one that was refused', async (t) => {
  const { app } = await serving(t, { requestTimeout: 500 });
  const texts = ['', 'GET / HTTP/1.1\r\nHost:', slowBody('/taken')];
  const answers = await Promise.all(texts.map((text) => saying(t, app, text).all));
  for (const answer of answers) t.match(answer, /^HTTP\/1.1 408 /);
  const { app: patient } = await serving(t);
  t.match(await saying(t, patient, slowBody('/refused')).all, /^HTTP\/1.1 401 [\s\S]*refused$/);
});
