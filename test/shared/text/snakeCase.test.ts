import { test } from 'tap';
import { snakeCase } from '../../../src/shared/text/snakeCase.js';

test('names of ours and classes of Keras in snake case', (t) => {
  const expected = {
    loss: 'loss',
    valLoss: 'val_loss',
    valAccuracy: 'val_accuracy',
    learningRate: 'learning_rate',
    noiseScale: 'noise_scale',
    samplesPerSecond: 'samples_per_second',
    CategoricalCrossentropy: 'categorical_crossentropy',
    MeanSquaredError: 'mean_squared_error',
    Dense: 'dense',
    RMSprop: 'rm_sprop',
    LeakyReLU: 'leaky_re_lu',
  };
  t.same(Object.fromEntries(Object.keys(expected).map((name) => [name, snakeCase(name)])), expected);
  t.end();
});
