import { type Test, test } from 'tap';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { ConfigError } from '../../../src/shared/text/errors.js';

/** `path: message` of every problem of a config. */
function problemsOf(raw: unknown): string[] {
  try {
    parseConfig(raw, 'run.yaml', { cores: 4 });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

/** Checks the one problem of each config. */
function checkEach(t: Test, cases: readonly (readonly [raw: unknown, problem: string])[]): void {
  for (const [raw, problem] of cases) t.same(problemsOf(raw), [problem], JSON.stringify(raw));
  t.end();
}

const withLayers = (...layers: unknown[]) => ({ model: { inputShape: [4], layers } });
const adam = (settings: Record<string, unknown>) => ({ optimizer: { name: 'adam', ...settings } });

test('an unknown key is named with its nearest known one', (t) => {
  checkEach(t, [
    [{ bachSize: 3 }, 'bachSize: unknown key; did you mean "batchSize"?'],
    [{ checkpoint: { keeps: 3 } }, 'checkpoint.keeps: unknown key; did you mean "keep"?'],
    [{ data: { name: 'mnist', tak: 3 } }, 'data.tak: unknown key; did you mean "take"?'],
    [
      withLayers({ dense: { units: 10, kernelRegularizer: { l3: 1 } } }),
      'model.layers[0].dense.kernelRegularizer.l3: unknown key; did you mean "l1"?',
    ],
    [
      { optimizer: { name: 'sgd', beta1: 0.9 } },
      'optimizer.beta1: unknown key; known here: name, learningRate, clipNorm, globalClipNorm, clipValue, momentum, nesterov',
    ],
  ]);
});

test("others' names and spellings are told ours, with its place", (t) => {
  const names = {
    batch_size: 'batchSize',
    learning_rate: 'optimizer.learningRate',
    lr: 'optimizer.learningRate',
    patience: 'earlyStopping.patience',
  };
  for (const [name, own] of Object.entries(names)) t.same(problemsOf({ [name]: 1 }), [`${name}: unknown key; did you mean "${own}"?`]);
  const loss = (loss: string): string | undefined => /did you mean "(.*)"/.exec(problemsOf({ loss }).join())?.[1];
  t.equal(loss('mse'), 'meanSquaredError');
  t.equal(loss('MAE'), 'meanAbsoluteError');
  t.equal(loss('sparse_categorical_crossentropy'), 'sparseCategoricalCrossentropy');
  t.match(problemsOf({ optimizer: 'Adam' })[0], /did you mean "adam"\?$/);
  t.match(problemsOf({ optimizer: { clip_norm: 1 } })[0], /did you mean "clipNorm"\?$/);
  t.match(problemsOf({ model: '4-8-1' })[0], /^loss: .* for numbers \(regression\) meanSquaredError$/);
  t.end();
});

test('the name of a run has a limit', (t) => {
  t.same(problemsOf({ name: 'n'.repeat(200) }), []);
  checkEach(t, [[{ name: 'n'.repeat(201) }, 'name: expected at most 200 characters, got 201']]);
});

test('a number is of its kind and within its bounds', (t) => {
  checkEach(t, [
    [{ workers: 1.5 }, 'workers: expected a whole number from 1 to 4096, got 1.5'],
    [{ workers: -2 }, 'workers: expected a whole number from 1 to 4096, got -2'],
    [{ workers: 5000 }, 'workers: expected a whole number from 1 to 4096, got 5000'],
    [{ batchSize: '32' }, 'batchSize: expected a whole number of at least 1, got "32"'],
    [{ epochs: Number.NaN }, 'epochs: expected a whole number of at least 1, got NaN'],
    [{ seed: 2 ** 32 }, 'seed: expected a whole number from 0 to 4294967295, got 4294967296'],
    [{ target: Number.POSITIVE_INFINITY }, 'target: expected a number of at least 0, got Infinity'],
    [{ startTimeout: 0 }, 'startTimeout: expected a number above 0, got 0'],
    [{ validationSplit: 1 }, 'validationSplit: expected a number from 0 up to but not including 1, got 1'],
    [{ reduceOnPlateau: { factor: 1 } }, 'reduceOnPlateau.factor: expected a number from 0 up to but not including 1, got 1'],
  ]);
});

test('a value is of the expected type', (t) => {
  checkEach(t, [
    ['fast', ': expected a mapping of keys, got "fast"'],
    [{ checkpoint: 7 }, 'checkpoint: expected a mapping of keys, got 7'],
    [{ shuffle: 'yes' }, 'shuffle: expected true, false, full or blocks, got "yes"'],
    [{ metrics: 'accuracy' }, 'metrics: expected a list of accuracy, mae, mse, got "accuracy"'],
    [{ runs: '' }, 'runs: expected a folder, got ""'],
    [{ checkpoint: { every: 'epochs' } }, 'checkpoint.every: expected epoch or a number of steps, got "epochs"'],
  ]);
});

test('a value is of the expected type, in our words', (t) => {
  checkEach(t, [
    [{ name: ['a'] }, 'name: expected letters, digits, dots, dashes and underscores, got ["a"]'],
    [{ checkpoint: { every: 0 } }, 'checkpoint.every: expected epoch or a number of steps, got 0'],
    [{ checkpoint: { monitor: 3 } }, 'checkpoint.monitor: expected a figure such as valLoss, got 3'],
    [{ earlyStopping: { monitor: 3 } }, 'earlyStopping.monitor: expected a figure such as valLoss, got 3'],
  ]);
});

test('a name is one of those there are', (t) => {
  checkEach(t, [
    [
      { loss: 'meanSquareError' },
      'loss: expected one of categoricalCrossentropy, sparseCategoricalCrossentropy, binaryCrossentropy, meanSquaredError, meanAbsoluteError, got "meanSquareError"; did you mean "meanSquaredError"?',
    ],
    [{ metrics: ['acc'] }, 'metrics[0]: expected one of accuracy, mae, mse, got "acc"; did you mean "accuracy"?'],
    [
      { data: 'minst' },
      'data: expected mnist, or files as { x: FILE, y: FILE }, { table: FILE, target: COLUMN } or { images: FOLDER }, got "minst"; did you mean "mnist"?',
    ],
    [{ name: '../x' }, 'name: expected letters, digits, dots, dashes and underscores, got "../x"'],
    [{ name: '.hidden' }, 'name: expected letters, digits, dots, dashes and underscores, got ".hidden"'],
  ]);
});

test('layers are known and fit together', (t) => {
  const shape28 = { inputShape: [28, 28], layers: [{ dense: 10 }] };
  checkEach(t, [
    [{ model: shape28 }, 'model.layers[0].dense: expected one dimension of inputs, got shape [28, 28]; put a flatten layer before it'],
    [{ ...withLayers('flatten'), loss: 'meanSquaredError' }, 'model.layers: expected at least one dense layer, got none'],
    [
      withLayers({ dens: 10 }),
      'model.layers[0]: expected a layer (flatten, dense: { units: N } or dropout: RATE), got {"dens":10}; did you mean "dense"?',
    ],
    [
      withLayers({ dense: 10, dropout: 0.5 }),
      'model.layers[0]: expected a layer (flatten, dense: { units: N } or dropout: RATE), got {"dense":10,"dropout":0.5}',
    ],
    [withLayers({ dense: null }), 'model.layers[0].dense: expected a mapping of keys, got null'],
    [withLayers({ dropout: 1 }, { dense: 10 }), 'model.layers[0].dropout: expected a number from 0 up to but not including 1, got 1'],
    [
      withLayers({ dense: { units: 10, activation: 'rely' } }),
      'model.layers[0].dense.activation: expected one of linear, relu, leakyRelu, elu, sigmoid, tanh, softmax, got "rely"; did you mean "relu"?',
    ],
    [{ model: '784' }, 'model: expected layer sizes such as 784-128-10, got "784"'],
    [{ model: '784-0-10' }, 'model: expected layer sizes such as 784-128-10, got "784-0-10"'],
  ]);
});

test('an optimizer is known, and so are its settings', (t) => {
  checkEach(t, [
    [{ optimizer: 'adan' }, 'optimizer.name: expected one of adam, adamw, sgd, rmsprop, got "adan"; did you mean "adam"?'],
    [{ optimizer: 3 }, 'optimizer: expected one of adam, adamw, sgd, rmsprop, got 3'],
    [adam({ beta1: 1 }), 'optimizer.beta1: expected a number from 0 up to but not including 1, got 1'],
    [adam({ learningRate: -1 }), 'optimizer.learningRate: expected a number of at least 0, got -1'],
    [
      adam({ clipNorm: 1, clipValue: 1 }),
      'optimizer: expected at most one of clipNorm, globalClipNorm and clipValue, got clipNorm and clipValue',
    ],
  ]);
});

test('a schedule has what it needs', (t) => {
  const rate = (learningRate: unknown) => adam({ learningRate });
  checkEach(t, [
    [
      rate({ schedule: 'cosinDecay' }),
      'optimizer.learningRate.schedule: expected one of constant, exponentialDecay, cosineDecay, piecewiseConstant, polynomialDecay, got "cosinDecay"; did you mean "cosineDecay"?',
    ],
    [
      rate({ schedule: 'exponentialDecay', initial: 0.1, decayRate: 0.5 }),
      'optimizer.learningRate.decaySteps: expected a whole number of at least 1, got nothing',
    ],
    [
      rate({ schedule: 'piecewiseConstant', boundaries: [3, 5], values: [0.1, 0.2] }),
      'optimizer.learningRate.values: expected one value more than the 2 boundaries, got 2',
    ],
    [
      rate({ schedule: 'piecewiseConstant', boundaries: [5, 3], values: [0.3, 0.2, 0.1] }),
      'optimizer.learningRate.boundaries: expected rising steps, got [5,3]',
    ],
    [
      { ...rate({ schedule: 'cosineDecay', initial: 0.1 }), reduceOnPlateau: {} },
      'reduceOnPlateau: needs a constant learning rate, got schedule cosineDecay',
    ],
  ]);
});

test('keys fit each other', (t) => {
  const files = { x: 'x.npy', y: 'y.npy', validation: { x: 'vx.npy', y: 'vy.npy' } };
  checkEach(t, [
    [
      { model: '784-128-1' },
      'loss: categoricalCrossentropy needs a last layer of at least 2 units, got 1; for two classes in one unit take binaryCrossentropy, for numbers (regression) meanSquaredError',
    ],
    [
      { engine: 'blas', precision: 'bf16' },
      "precision: the engine blas knows no bf16; --precision bf16 needs the engine tensorflow, or onnx on one of NVIDIA's GPUs",
    ],
    [
      { engine: 'onnx', device: 'cpu', precision: 'fp16' },
      'precision: ONNX Runtime computes in float32 on a CPU; --precision fp16 needs the engine tensorflow, or onnx on a GPU',
    ],
    [{ shards: 64 }, 'shards: expected at most batchSize (32), got 64'],
    [{ workers: 2, minWorkers: 9 }, 'minWorkers: expected at most workers (2), got 9'],
    [{ metrics: ['mae', 'mae'] }, 'metrics: expected each metric once, got ["mae","mae"]'],
    [{ data: files, validationSplit: 0.1 }, 'validationSplit: expected 0 with data.validation, which is the validation set'],
  ]);
});

test('a monitor is a figure that the run has', (t) => {
  const known = 'expected one of loss, accuracy, valLoss, valAccuracy';
  checkEach(t, [
    [{ earlyStopping: { monitor: 'val_loss' } }, `earlyStopping.monitor: ${known}, got "val_loss"; did you mean "valLoss"?`],
    [{ reduceOnPlateau: { monitor: 'valMae' } }, `reduceOnPlateau.monitor: ${known}, got "valMae"`],
    [{ checkpoint: { monitor: 'valloss' } }, `checkpoint.monitor: ${known}, got "valloss"; did you mean "valLoss"?`],
    [{ validationSplit: 0, earlyStopping: {} }, 'earlyStopping.monitor: expected one of loss, accuracy, got "valLoss"'],
  ]);
});

test('data files are named', (t) => {
  checkEach(t, [
    [{ data: { x: 'a.npy' } }, 'data.y: expected a file of targets: IDX, .npy or FILE.npz#NAME, got nothing'],
    [{ data: { x: 'a.npy', y: 'b.npy', test: { x: 'c.npy' } } }, 'data.test.y: expected a file of targets, got nothing'],
    [{ data: { x: 'a.npy', y: 'b.npy', normalize: { divide: 0 } } }, 'data.normalize.divide: expected a number above 0, got 0'],
    [{ data: { name: 'mnist', classWeights: [1, -2] } }, 'data.classWeights[1]: expected a weight of at least 0, got -2'],
    ...['balancd', { a: 'x' }].map((classWeights): [object, string] => [
      { data: { name: 'mnist', classWeights } },
      `data.classWeights: expected balanced, or weights of at least 0 by class as { cat: 1, dog: 2.5 } or [1, 2.5], got ${JSON.stringify(classWeights)}`,
    ]),
  ]);
});

test('all problems are told at once, in a message for a person', (t) => {
  const raw = { workers: 1.5, bachSize: 3, ...withLayers({ dropout: 2 }, { dense: { units: 0 } }), optimizer: 'adan' };
  t.throws(() => parseConfig(raw, 'run.yaml', { cores: 4 }), {
    name: 'ConfigError',
    message: [
      'run.yaml: 5 problems',
      '  model.layers[0].dropout: expected a number from 0 up to but not including 1, got 2',
      '  model.layers[1].dense.units: expected a whole number of at least 1, got 0',
      '  optimizer.name: expected one of adam, adamw, sgd, rmsprop, got "adan"; did you mean "adam"?',
      '  workers: expected a whole number from 1 to 4096, got 1.5',
      '  bachSize: unknown key; did you mean "batchSize"?',
    ].join('\n'),
  });
  t.same(problemsOf({ shards: 64, workers: 2, minWorkers: 9, model: '4-1' }).length, 3, 'keys that do not fit each other');
  t.end();
});
