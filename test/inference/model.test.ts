import { test } from 'tap';
import { Model } from '../../src/inference/model.js';
import { dense, dropout } from '../engines/samples.js';

const open = (engine: string): Promise<Model> =>
  Model.open(
    {
      folder: 'model',
      spec: { inputShape: [2], layers: [dropout(0.5), dense(1, 'linear')] },
      weights: Float32Array.of(1, 10, 0.5),
      loss: undefined,
      metrics: [],
      preparation: undefined,
      classes: undefined,
      schema: undefined,
      config: undefined,
    },
    { engine, threads: 1, device: 'auto', precision: 'fp32' },
  );

for (const engine of ['reference', 'auto']) {
  test(`predicts, without dropout: ${engine}`, async (t) => {
    const model = await open(engine);
    t.same([...(await model.predict(Float32Array.of(1, 2, 3, 4)))], [21.5, 43.5]);
    t.same([...(await model.predict(new Float32Array()))], []);
    await model.close();
  });
}

test('more samples than a chunk come in their order, and calls may overlap', async (t) => {
  const model = await open('reference');
  const samples = (first: number): Float32Array => Float32Array.from({ length: 2 * 1100 }, (_, i) => (i % 2 === 0 ? first + i / 2 : 0));
  const [a, b] = await Promise.all([model.predict(samples(0)), model.predict(samples(5000))]);
  t.same(
    [...a],
    Array.from({ length: 1100 }, (_, i) => i + 0.5),
  );
  t.same(
    [...b],
    Array.from({ length: 1100 }, (_, i) => i + 5000.5),
  );
});

test('a part of a sample is refused, and the next call is served', async (t) => {
  const model = await open('reference');
  await t.rejects(model.predict(new Float32Array(3)), { name: 'RangeError', message: /samples of 2 values .*, got 3 values/ });
  t.same([...(await model.predict(new Float32Array(2)))], [0.5]);
});
