import { test } from 'tap';
import { configSchema } from '../../../src/shared/config/configSchema.js';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { ConfigError } from '../../../src/shared/text/errors.js';

const values = [null, true, -1, 1.5, 'x', '', [], [null], {}, { '': null }];
const files = { x: 'x.npy', y: 'y.npy' };
const table = { table: 't.csv', target: 'y' };
/** Where a value is put: at a key, or within what a key holds. */
const places: readonly ((value: unknown) => unknown)[] = [
  (value) => value,
  ...Object.keys(configSchema.shape).map((key) => (value: unknown) => ({ [key]: value })),
  ...['classWeights', 'normalize', 'validation', 'take', 'groups'].map((key) => (value: unknown) => ({ data: { ...files, [key]: value } })),
  ...['target', 'inputs', 'columns', 'missing'].map((key) => (value: unknown) => ({ data: { ...table, [key]: value } })),
  (value) => ({ data: { ...files, classWeights: { a: value } } }),
  (value) => ({ data: { ...files, classWeights: [value] } }),
  (value) => ({ data: { ...files, normalize: { subtract: value, divide: value } } }),
  (value) => ({ data: { ...table, columns: { y: value } } }),
  ...['engine', 'provider', 'run'].map((key) => (value: unknown) => ({ resolved: { [key]: value } })),
  (value) => ({ optimizer: { learningRate: value } }),
  (value) => ({ optimizer: { learningRate: { schedule: 'piecewiseConstant', boundaries: value, values: value } } }),
  (value) => ({ model: { inputShape: value, layers: value } }),
  (value) => ({ checkpoint: { every: value, format: value } }),
];

test('every problem is in our words', (t) => {
  for (const place of places) {
    for (const value of values) {
      const raw = place(value);
      try {
        parseConfig(raw, 'run.yaml', { cores: 1 });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const others = error.problems.filter(({ message }) => /^(Invalid|Too |Unrecognized|Expected)|received|another value/.test(message));
        t.same(others, [], JSON.stringify(raw));
      }
    }
  }
  t.end();
});
