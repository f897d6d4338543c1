import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InjectOptions } from 'light-my-request';
import sharp from 'sharp';
import { type Test, test } from 'tap';
import { convertTable } from '../../src/data/conversion/build.js';
import { loadModel } from '../../src/inference/loadModel.js';
import type { Model } from '../../src/inference/model.js';
import { Batcher } from '../../src/inference/serve/batcher.js';
import { type PredictServerOptions, predictServer } from '../../src/inference/serve/modelServer.js';
import { parseConfig } from '../../src/shared/config/parseConfig.js';
import { depthOf } from '../../src/shared/text/nesting.js';
import { writeWeights } from './runs.js';

const local = { host: '127.0.0.1', port: 0 };

/** Asks a server of its own; it gives what the model gives. */
async function asking(t: Test, model: Model, more: Partial<PredictServerOptions> = {}) {
  const limits = { maxBody: 2 ** 20, maxRate: 1_000, requestTimeout: 30, gracePeriod: 10 };
  const { app } = await predictServer({ model, address: local, token: undefined, ...limits, log: () => undefined, ...more });
  t.teardown(async () => {
    await app.close();
    await model.close();
  });
  return async (request: InjectOptions) => {
    const response = await app.inject({ headers: { host: 'localhost' }, ...request });
    return {
      code: response.statusCode,
      body: response.headers['content-type']?.toString().includes('json') ? response.json() : response.body,
    };
  };
}

/** Two grey pixels, divided by 255, to themselves: the probability of class 1 grows with the second. */
async function imageModel(t: Test): Promise<Model> {
  const folder = join(t.testdir(), 'model');
  const { model } = parseConfig(
    { model: { inputShape: [1, 2], layers: ['flatten', { dense: { units: 2, activation: 'softmax' } }] } },
    'test',
    { cores: 1 },
  );
  await writeWeights(folder, model, [1, 0, 0, 1, 0, 0], { loss: 'categoricalCrossentropy', normalize: { divide: 255 } });
  return loadModel(folder, { engine: 'reference' });
}

const softmax = (a: number, b: number): number => Math.exp(a) / (Math.exp(a) + Math.exp(b));
const predict = (payload: object): InjectOptions => ({ method: 'POST', url: '/predict', payload });

test('samples as lists, flat or of the input shape, and an image', async (t) => {
  const ask = await asking(t, await imageModel(t));
  const { code, body } = await ask(predict({ inputs: [[255, 0], [[0, 255]]] }));
  t.equal(code, 200);
  t.match(body.predictions, [{ class: 0 }, { class: 1 }]);
  t.ok(Math.abs(body.predictions[0].probability - softmax(1, 0)) < 1e-6);
  const png = await sharp(Buffer.of(0, 255), { raw: { width: 2, height: 1, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  const headers = { host: 'localhost', 'content-type': 'image/png' };
  t.match(await ask({ method: 'POST', url: '/predict', payload: png, headers }), { code: 200, body: { predictions: [{ class: 1 }] } });
  t.match(await ask({ method: 'POST', url: '/predict', payload: Buffer.from('text'), headers }), {
    code: 400,
    body: { message: /^the image: cannot be read as a PNG or JPEG image/ },
  });
});

test('what is not as expected is named, and limits hold', async (t) => {
  const ask = await asking(t, await imageModel(t), { maxBody: 200 });
  const refused = async (request: InjectOptions, code: number, message: RegExp): Promise<void> => {
    t.match(await ask(request), { code, body: { message } });
  };
  await refused(predict({}), 400, /^inputs: expected a list of samples, got nothing$/);
  await refused(predict({ inputs: [[1, 2], [1]] }), 400, /^inputs\[1\]: expected 2 numbers, of shape \[1, 2\], got 1$/);
  await refused(predict({ inputs: [['x', 2]] }), 400, /^inputs\[0\]: expected numbers, got "x"$/);
  await refused(predict({ rows: [{ a: 1 }] }), 400, /^rows: expected inputs, .*: the model was not trained on a table$/);
  await refused(predict({ inputs: [[1e39, 2]] }), 400, /^inputs\[0\]: expected numbers, got 1e\+39$/);
  await refused(predict({ inputs: [new Array(300).fill(1)] }), 413, /too large/);
  await refused(
    { method: 'POST', url: '/predict', payload: '{', headers: { host: 'localhost', 'content-type': 'application/json' } },
    400,
    /JSON/,
  );
  await refused(
    { method: 'POST', url: '/predict', payload: '<a/>', headers: { host: 'localhost', 'content-type': 'application/xml' } },
    415,
    /Unsupported Media Type/,
  );
  await refused({ method: 'GET', url: '/', headers: { host: 'evil.example' } }, 403, /expected localhost/);
});

test('a size is compared before anything is decoded or made room for, and lists within lists end', async (t) => {
  const ask = await asking(t, await imageModel(t), { maxBody: 2 ** 24 });
  const png = await sharp({ create: { width: 4096, height: 4096, channels: 3, background: '#123' } })
    .png()
    .toBuffer();
  const headers = { host: 'localhost', 'content-type': 'image/png' };
  // Its pixels are cut off: only one that decodes would find out.
  t.match(await ask({ method: 'POST', url: '/predict', payload: png.subarray(0, 200), headers }), {
    code: 400,
    body: { message: 'the image: expected samples of shape [1, 2], as the model takes, got [4096, 4096, 3]' },
  });
  const json = (payload: string): InjectOptions => ({
    method: 'POST',
    url: '/predict',
    payload,
    headers: { host: 'localhost', 'content-type': 'application/json' },
  });
  t.match(await ask(json(`{"inputs":[${'['.repeat(3_000)}${']'.repeat(3_000)}]}`)), {
    code: 400,
    body: { message: 'expected a JSON body with at most 64 lists or mappings within each other, got more' },
  });
  t.match(await ask(json('['.repeat(1_000_000))), { code: 400 });
  t.match(await ask(predict({ inputs: [new Array(1_000_000).fill(1)] })), {
    code: 400,
    body: { message: 'inputs[0]: expected 2 numbers, of shape [1, 2], got more' },
  });
  t.match(await ask(json('{"inputs":[[1,2]]')), { code: 400, body: { message: /^expected a JSON body: / } });
});

test('how deep a JSON text is', (t) => {
  t.same(['1', '[]', '[[],[[]]]', '{"a":{"b":[1]}}', '"[[["', String.raw`["\"[[", []]`].map(depthOf), [0, 1, 3, 3, 0, 2]);
  t.end();
});

test('what goes wrong inside is logged, and no client is told', async (t) => {
  const model = await imageModel(t);
  Object.defineProperty(model, 'predict', { value: () => Promise.reject(new Error('/secret/path is broken')) });
  const logged: string[] = [];
  const ask = await asking(t, model, { log: (line) => logged.push(line) });
  t.same(await ask(predict({ inputs: [[1, 2]] })), { code: 500, body: { message: 'internal error' } });
  t.match(logged, [/^POST \/predict: internal error: Error: \/secret\/path is broken\n/]);
});

test('the command on the page is one word a value for a shell', async (t) => {
  const model = await imageModel(t);
  const columns = [{ name: "driver's", kind: 'category' as const, categories: ['$(id)'] }];
  Object.defineProperty(model, 'schema', { value: { inputs: columns, target: [] } });
  const ask = await asking(t, model);
  const { body } = await ask({ url: '/' });
  t.match(body, String.raw`-d '{&#34;rows&#34;:[{&#34;driver'\''s&#34;:&#34;$(id)&#34;}]}' http`);
});

test('one address asks no more often than it may, but whether all is well', async (t) => {
  const ask = await asking(t, await imageModel(t), { maxRate: 1 });
  let code = 200;
  // The second request within a second, however slow this machine is.
  while (code === 200) ({ code } = await ask({ method: 'GET', url: '/metrics' }));
  t.equal(code, 429);
  // Whoever tries tokens is counted, too.
  const wrong = await asking(t, await imageModel(t), { maxRate: 1, token: 'secret' });
  const codes = new Set<number>();
  while (!codes.has(429)) codes.add((await wrong({ url: '/', headers: { authorization: 'Bearer wrong' } })).code);
  t.same([...codes].sort(), [401, 429]);
  t.match(await ask({ method: 'GET', url: '/healthz' }), { code: 200, body: { status: 'ok' } });
});

test('rows of a table, with classes by name; a token; metrics and the document', async (t) => {
  const folder = t.testdir({ 'table.csv': 'size,colour,kind\n1,red,apple\n2,yellow,banana\n3,red,apple\n' });
  const { schema, classes } = await convertTable(
    { path: join(folder, 'table.csv'), target: 'kind', missing: 'refuse' },
    { folders: [join(folder, 'data')] },
  );
  const { model: spec } = parseConfig({ model: { inputShape: [3], layers: [{ dense: { units: 2, activation: 'softmax' } }] } }, 'test', {
    cores: 1,
  });
  const normalize = { fill: [2, 0, 0], subtract: [2, 0, 0], divide: [1, 1, 1] };
  await writeWeights(join(folder, 'model'), spec, [0, 0, 5, 0, 0, 5, 0, 0], {
    loss: 'categoricalCrossentropy',
    normalize,
    classes,
    schema,
  });
  const ask = await asking(t, await loadModel(join(folder, 'model'), { engine: 'reference' }), { token: 'secret' });
  const headers = { authorization: 'bearer secret' };
  const rows = [
    { size: 1, colour: 'red' },
    { size: null, colour: 'yellow', kind: 'banana' },
  ];
  t.match(await ask({ ...predict({ rows }), headers }), { code: 200, body: { predictions: [{ label: 'apple' }, { label: 'banana' }] } });
  t.match(await ask({ ...predict({ rows: [{ size: 1, colour: 'blue' }] }), headers }), {
    code: 400,
    body: { message: 'rows, 0, column colour: expected one of the categories of the training data (red, yellow), got "blue"' },
  });
  t.match(await ask({ ...predict({ rows: [{ size: 1, color: 'red' }] }), headers }), {
    code: 400,
    body: {
      message: 'rows[0]: expected the columns that the model was trained on (size, colour), got "color"; did you mean "colour"?',
    },
  });
  t.match(await ask({ ...predict({ rows: [{ colour: 'red' }] }), headers }), {
    code: 400,
    body: {
      message: 'rows[0]: expected all columns that the model was trained on, and size is not there (null says that a value is missing)',
    },
  });
  t.match(await ask(predict({ rows })), { code: 401 });
  const metrics = await ask({ url: '/metrics', headers });
  t.match(metrics.body, /bpnn_dist_predict_samples_total 2\n/);
  const document = await ask({ url: '/openapi.json', headers });
  t.match(document.body.paths['/predict'].post.requestBody.content['application/json'].schema.properties.rows.items.properties, {
    colour: { enum: ['red', 'yellow'] },
  });
  t.match((await ask({ url: '/', headers })).body, /<dd>apple, banana<\/dd>/);
  // And from a file, as `predict` reads it.
  const { predictFile } = await import('../../src/inference/predictFile.js');
  const model = await loadModel(join(folder, 'model'), { engine: 'reference' });
  writeFileSync(join(folder, 'new.jsonl'), '{"colour": "yellow", "size": 3}\n{"colour": "red", "size": null}\n');
  const found: unknown[] = [];
  for await (const prediction of predictFile(model, join(folder, 'new.jsonl'))) found.push(prediction.label);
  t.same(found, ['banana', 'apple']);
  await model.close();
});

test('those who ask while it is busy are answered together, each with its own; an error is told to all', async (t) => {
  const batches: number[] = [];
  let isBroken = false;
  const model = {
    network: { inputs: 2, outputs: 1 } as Model['network'],
    predict: async (inputs: Float32Array) => {
      if (isBroken) throw new Error('broken');
      return Float32Array.from({ length: inputs.length / 2 }, (_, i) => (inputs[2 * i] ?? 0) + (inputs[2 * i + 1] ?? 0));
    },
  };
  const batcher = new Batcher(model, (samples) => batches.push(samples));
  const sums = await Promise.all(
    [
      [1, 2],
      [3, 4, 5, 6],
      [7, 8],
    ].map((values) => batcher.predict(Float32Array.from(values))),
  );
  t.same(
    sums.map((one) => [...one]),
    [[3], [7, 11], [15]],
  );
  t.same(batches, [1, 3]);
  isBroken = true;
  const failed = await Promise.allSettled([batcher.predict(Float32Array.of(1, 2)), batcher.predict(Float32Array.of(1, 2))]);
  t.match(failed, [{ status: 'rejected' }, { status: 'rejected' }]);
  isBroken = false;
  t.same([...(await batcher.predict(Float32Array.of(1, 2)))], [3], 'and it goes on');
});
