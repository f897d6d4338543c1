import { test } from 'tap';
import { figureNames, hasValidation, parseConfig } from '../../../src/shared/config/parseConfig.js';

const parse = (raw: unknown, cores = 4) => parseConfig(raw, 'run.yaml', { cores });
const noPenalty = { l1: 0, l2: 0 };
const dense = (units: number, activation: string) => ({
  kind: 'dense',
  units,
  activation,
  useBias: true,
  kernelInitializer: 'glorotUniform',
  kernelRegularizer: noPenalty,
  biasRegularizer: noPenalty,
  trainable: true,
});

test("an empty config is the article's run", (t) => {
  const expected = {
    model: { inputShape: [28, 28], layers: [{ kind: 'flatten' }, dense(128, 'relu'), dense(10, 'softmax')] },
    data: { name: 'mnist' },
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
    optimizer: {
      name: 'adam',
      learningRate: { schedule: 'constant', initial: 0.001, warmupSteps: 0 },
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
    },
    batchSize: 32,
    epochs: 10,
    validationSplit: 0.2,
    validationBatchSize: 512,
    shuffle: true,
    checkpoint: { every: 'epoch', keep: 3, saveBestOnly: true },
    workers: 2,
    minWorkers: 1,
    shards: 4,
    seed: 1,
    runs: 'runs',
  };
  t.match(parse({}), expected);
  t.same(parse(null), parse({}), 'as is an empty file');
  t.equal(parse({}).earlyStopping, undefined);
  t.end();
});

test('a model in short has relu inside and at its end what the loss asks for', (t) => {
  const layersOf = (raw: unknown) => parse(raw).model;
  t.same(layersOf({ model: '784-128-10' }), { inputShape: [784], layers: [dense(128, 'relu'), dense(10, 'softmax')] });
  t.same(layersOf({ model: '8-4-1', loss: 'binaryCrossentropy' }), { inputShape: [8], layers: [dense(4, 'relu'), dense(1, 'sigmoid')] });
  t.same(layersOf({ model: '8-1', loss: 'meanSquaredError' }), { inputShape: [8], layers: [dense(1, 'linear')] });
  t.end();
});

test('a layer is read in each of its spellings', (t) => {
  const layers = ['flatten', { dense: 3 }, { dropout: 0.25 }, { dropout: { rate: 0.5 } }, { dense: { units: 2, useBias: false } }];
  t.same(parse({ model: { inputShape: [4], layers } }).model.layers, [
    { kind: 'flatten' },
    dense(3, 'linear'),
    { kind: 'dropout', rate: 0.25 },
    { kind: 'dropout', rate: 0.5 },
    { ...dense(2, 'linear'), useBias: false },
  ]);
  t.end();
});

test("optimizers have Keras's defaults", (t) => {
  const constant = (initial: number) => ({ schedule: 'constant', initial, warmupSteps: 0 });
  const optimizer = (raw: unknown) => parse({ optimizer: raw }).optimizer;
  t.same(optimizer('sgd'), { name: 'sgd', learningRate: constant(0.01), momentum: 0, nesterov: false });
  t.same(optimizer('rmsprop'), { name: 'rmsprop', learningRate: constant(0.001), rho: 0.9, momentum: 0, epsilon: 1e-7 });
  t.match(optimizer('adamw'), { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0.004, learningRate: constant(0.001) });
  t.same(optimizer({ name: 'sgd', learningRate: 0.5 }).learningRate, constant(0.5));
  t.end();
});

test('workers follow from cores and batchSize, shards from workers', (t) => {
  const split = (raw: unknown, cores: number) => {
    const { workers, shards } = parse(raw, cores);
    return { workers, shards };
  };
  t.same(split({}, 64), { workers: 2, shards: 4 }, 'batchSize / 16');
  t.same(split({ batchSize: 1024 }, 6), { workers: 6, shards: 8 }, 'cores');
  t.same(split({ batchSize: 8 }, 6), { workers: 1, shards: 4 }, 'at least one');
  t.same(split({ batchSize: 3 }, 6), { workers: 1, shards: 3 }, 'never more shards than samples');
  t.same(split({ workers: 5 }, 2), { workers: 5, shards: 8 }, 'a power of two');
  t.same(split({ workers: 5, shards: 6 }, 2), { workers: 5, shards: 6 });
  t.end();
});

test('epochs are ten unless steps say how long', (t) => {
  t.equal(parse({}).epochs, 10);
  t.equal(parse({ steps: 100 }).epochs, undefined);
  t.equal(parse({ steps: 100, epochs: 2 }).epochs, 2);
  t.end();
});

test('metrics and validation follow from loss and data', (t) => {
  t.same(parse({ model: '4-1', loss: 'meanSquaredError' }).metrics, []);
  t.same(parse({ model: '4-1', loss: 'binaryCrossentropy' }).metrics, ['accuracy']);
  t.same(parse({ metrics: [] }).metrics, []);
  const files = { x: 'x.npy', y: 'y.npy', validation: { x: 'vx.npy', y: 'vy.npy' } };
  t.equal(parse({ data: files }).validationSplit, 0);
  t.equal(hasValidation(parse({ data: files })), true);
  t.equal(hasValidation(parse({ validationSplit: 0 })), false);
  t.end();
});

test('a run reports its loss and metrics, and those of its validation', (t) => {
  t.same(figureNames(parse({ metrics: ['accuracy', 'mae'] })), ['loss', 'accuracy', 'mae', 'valLoss', 'valAccuracy', 'valMae']);
  t.same(figureNames(parse({ validationSplit: 0 })), ['loss', 'accuracy']);
  t.end();
});
