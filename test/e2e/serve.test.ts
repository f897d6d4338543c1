import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { startCli } from '../fixtures/cli.js';
import { writeWeights } from '../inference/runs.js';

test('told to end, it answers the request that is under way; a second signal does not wait', async (t) => {
  const folder = join(t.testdir(), 'model');
  const { model } = parseConfig({ loss: 'meanSquaredError', model: { inputShape: [1], layers: [{ dense: { units: 1 } }] } }, 'test', {
    cores: 1,
  });
  await writeWeights(folder, model, [2, 1], { loss: 'meanSquaredError' });
  const body = '{"inputs": [[3]]}';
  const underWay = async () => {
    const serve = startCli(t, ['serve', folder, '--engine', 'reference']);
    const [, port] = await serve.line(/^http:\/\/127\.0\.0\.1:(\d+)\/$/);
    const socket = connect(Number(port), '127.0.0.1');
    t.teardown(() => socket.destroy());
    let said = '';
    socket.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    // The server asks for the body: it has begun to answer.
    const head = `POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    socket.write(`${head}Expect: 100-continue\r\n\r\n`);
    await once(socket, 'data');
    serve.kill('SIGTERM');
    while ((await fetch(`http://127.0.0.1:${port}/healthz`)).status !== 503);
    return { serve, socket, answer: once(socket, 'close').then(() => said) };
  };
  const [first, second] = await Promise.all([underWay(), underWay()]);
  first.socket.write(body);
  t.match(await first.answer, /HTTP\/1.1 200 OK[\s\S]*"outputs":\[7\]/);
  t.match(await first.serve.ended, { code: 0, signal: null });
  second.serve.kill('SIGINT');
  t.match(await second.serve.ended, { code: 130, signal: null });
  t.notMatch(await second.answer, /200 OK/);
});
