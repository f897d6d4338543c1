import { test } from 'tap';
import { readConfigText } from '../../../src/shared/config/configText.js';
import { parseConfig } from '../../../src/shared/config/parseConfig.js';
import { ConfigError } from '../../../src/shared/text/errors.js';

test('numbers that stand for names are names: of columns, layers, and runs', (t) => {
  const text = `
name: 2024
runs: 7
model: { inputShape: [2], layers: [dense: { units: 3, name: 1 }, dense: { units: 3, name: 2 }] }
freeze: [1]
data: { table: t.csv, target: 2, inputs: [0, 1], columns: { 1: category }, sampleWeights: 3, groups: 4 }
`;
  const config = parseConfig(readConfigText('run.yaml', text), 'run.yaml', { cores: 1 });
  t.match(config, {
    ...{ name: '2024', runs: '7' },
    model: {
      layers: [
        { name: '1', trainable: false },
        { name: '2', trainable: true },
      ],
    },
    data: { target: '2', inputs: ['0', '1'], columns: { 1: 'category' }, sampleWeights: '3', groups: '4' },
  });
  const several = parseConfig({ data: { table: 't.csv', target: [1, 'b'] } }, 'config', { cores: 1 });
  t.match(several, { data: { target: ['1', 'b'] } });
  t.end();
});

test('names that YAML changes are to be put in quotes; other values are not names', (t) => {
  const problems = (text: string, at: readonly string[] = []): unknown => {
    try {
      readConfigText('run.yaml', text, at);
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ path, message }) => `${path}: ${message}`);
    }
  };
  t.same(problems('data: { table: t.csv, target: 007, inputs: [a, 1e3], columns: { 0x10: category } }'), [
    'data.target: expected a name, got 007, which YAML reads as 7: put it in quotes, "007"',
    'data.inputs[1]: expected a name, got 1e3, which YAML reads as 1000: put it in quotes, "1e3"',
    'data.columns.16: expected a name, got 0x10, which YAML reads as 16: put it in quotes, "0x10"',
  ]);
  t.same(problems('{ table: t.csv, target: true }', ['data']), [
    'data.target: expected a name, got true, which YAML reads as true: put it in quotes, "true"',
  ]);
  t.same(problems('name: "007"\noptimizer: { learningRate: 1e-3 }\ntensorboard: false\ntarget: 0.50\ndata: { target: 12 }'), []);
  t.same(problems('a: ['), [': Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 5:']);
  t.end();
});
