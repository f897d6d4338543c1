import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { parse } from 'yaml';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { configYaml, plainConfig } from '../../../src/shared/config/plainConfig.js';

const rate = fc.double({ min: 0, max: 1, noNaN: true });
const warmupSteps = fc.nat(9);
const learningRate = fc.oneof(
  rate,
  fc.record({ schedule: fc.constant('constant'), initial: rate, warmupSteps }),
  fc.record({ schedule: fc.constant('exponentialDecay'), initial: rate, decaySteps: fc.constant(50), decayRate: fc.constant(0.9) }),
  fc.record({ schedule: fc.constant('cosineDecay'), initial: rate, warmupSteps }),
  fc.constant({ schedule: 'piecewiseConstant', boundaries: [3, 6], values: [0.1, 1e-7, 0] }),
  fc.record({ schedule: fc.constant('polynomialDecay'), initial: rate, cycle: fc.boolean() }),
);
const optimizer = fc.oneof(
  fc.constantFrom('adam', 'adamw', 'sgd', 'rmsprop'),
  fc.record({ name: fc.constantFrom('adam', 'sgd'), learningRate, clipNorm: fc.constant(1.5) }, { requiredKeys: ['name'] }),
);
const layer = fc.oneof(
  fc.constant('flatten'),
  fc.record({ dropout: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
  fc.record({
    dense: fc.record({ units: fc.integer({ min: 2, max: 9 }), useBias: fc.boolean(), kernelRegularizer: fc.record({ l2: rate }) }),
  }),
);
const model = fc.oneof(
  fc.constant('784-128-10'),
  fc.array(layer, { maxLength: 4 }).map((layers) => ({ inputShape: [4, 2], layers: ['flatten', ...layers, { dense: 3 }] })),
);
const files = { x: 'x: [1].npy', y: '-y #.npy', normalize: { divide: 255 }, validation: { x: "it's", y: 'true' } };

/** Configs as a person may write them; names and files are such as YAML reads as something else where they are not quoted. */
const raw = fc.record(
  {
    model,
    data: fc.constantFrom('mnist', { name: 'mnist', take: 100 }, files),
    optimizer,
    metrics: fc.constantFrom([], ['accuracy', 'mae']),
    earlyStopping: fc.record({ monitor: fc.constant('loss'), baseline: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
    batchSize: fc.integer({ min: 1, max: 4096 }),
    steps: fc.integer({ min: 1, max: 10 }),
    checkpoint: fc.record({ every: fc.constantFrom('epoch', 7), keep: fc.constant(1) }),
    workers: fc.integer({ min: 1, max: 64 }),
    name: fc.constantFrom('article', '12', '1e3', 'true', 'null', '0x1f', '2024-01-01'),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  },
  { requiredKeys: [] },
);

test('a config that was written is read back as it was, on any machine', (t) => {
  fc.assert(
    fc.property(raw, (given) => {
      const config = parseConfig(given, 'raw', { cores: 4 });
      deepStrictEqual(parseConfig(parse(configYaml(config)), 'config.yaml', { cores: 96 }), config);
    }),
    { numRuns: 300 },
  );
  t.pass('any config');
  t.end();
});

test('layers, rates and data are written as a person writes them', (t) => {
  const config = parseConfig({ model: { inputShape: [4], layers: ['flatten', { dropout: 0.5 }, { dense: 3 }] } }, 'raw', { cores: 1 });
  t.match(plainConfig(config), {
    model: { inputShape: [4], layers: ['flatten', { dropout: 0.5 }, { dense: { units: 3, activation: 'linear' } }] },
    optimizer: { name: 'adam', learningRate: 0.001 },
    data: { name: 'mnist' },
  });
  t.end();
});
