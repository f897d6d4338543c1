import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { idxBytes, npyBytes } from '../fixtures/arrays.js';
import { runCli, runWell } from '../fixtures/cli.js';

/** Files that are not what a run needs: one message that names the file and says what to do, exit code 1, and no run. */

const floats = (shape: readonly number[], fill = 0.5): Buffer =>
  npyBytes('<f4', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill));
const classes = (count: number): Buffer =>
  npyBytes(
    '<i4',
    [count],
    Int32Array.from({ length: count }, (_, i) => i % 3),
  );

const files = {
  'x.npy': floats([12, 4]),
  'y.npy': classes(12),
  'short.npy': classes(11),
  'floats.npy': floats([12]),
  'wide.npy': floats([12, 4]),
  'nan.npy': floats([12, 3], Number.NaN),
  'cut.idx': idxBytes(0x08, [12, 4], new Array(40).fill(1)),
  'text.csv': '1,2,3\n',
  'square.npy': floats([12, 2, 2]),
  'lone.npy': floats([4]),
};
type Name = keyof typeof files;

const table: readonly (readonly [what: string, x: Name, y: Name, loss: string, message: string])[] = [
  ['another number of targets', 'x.npy', 'short.npy', '', 'x.npy has 12 samples but short.npy has 11: expected a target for every input'],
  [
    'targets of a kind that the loss cannot take',
    'x.npy',
    'floats.npy',
    'sparseCategoricalCrossentropy',
    'train targets, floats.npy, row 0: expected a class number from 0 to 2, for 3 outputs, got 0.5; classes are whole numbers: for measurements use meanSquaredError and a last layer of 1 unit',
  ],
  [
    'targets of another width',
    'x.npy',
    'wide.npy',
    'meanSquaredError',
    'train targets: expected 3 values a sample, one an output, got 4: give the last layer 4 units, or the file 3 columns',
  ],
  [
    'targets that are no numbers',
    'x.npy',
    'nan.npy',
    'meanSquaredError',
    'train targets, nan.npy, row 0, column 0: expected a finite float32 number, got NaN',
  ],
  ['an IDX file cut short', 'cut.idx', 'y.npy', '', 'cut.idx: is too short for uint8 [12, 4]: expected 48 bytes of values, got 40'],
  [
    'a file of text',
    'text.csv',
    'y.npy',
    '',
    'text.csv: expected an IDX or .npy file, got one that begins with the bytes 31 2c 32 2c: save it with np.save',
  ],
];

const model = ['--model', '4-3', '--engine', 'reference', '--batch-size', '4', '--validation-split', '0.25'];

for (const [what, x, y, loss, message] of table) {
  test(what, async (t) => {
    const folder = t.testdir(files);
    const data = JSON.stringify({ x: join(folder, x), y: join(folder, y) });
    const losses = loss === '' ? [] : ['--loss', loss];
    const { code, stdout, stderr } = await runCli(t, 'up', ...model, ...losses, '--data', data, '--runs', join(folder, 'runs'));
    t.equal(stderr.replaceAll(`${folder}/`, ''), `error: ${message}\n`);
    t.equal(code, 1);
    t.equal(stdout, '');
    t.notOk(readdirSync(folder).includes('runs'), 'no run');
  });
}

test('a model that is asked for what it cannot give', async (t) => {
  const folder = t.testdir(files);
  const file = (name: string): string => join(folder, name);
  const data = JSON.stringify({ x: file('x.npy'), y: file('y.npy') });
  await runWell(t, 'up', ...model, '--data', data, '--steps', '1', '--workers', '1', '--runs', folder, '--name', 'run');
  mkdirSync(file('empty'));
  const asked: readonly (readonly [args: readonly string[], code: number, message: string])[] = [
    [['evaluate', file('run')], 2, "run/best: the run's data has no test samples (data.test)"],
    [
      ['evaluate', file('empty')],
      2,
      'empty: is the folder of neither a run nor a model: expected best/weights.bin or final/weights.bin, or model.json, in it',
    ],
    [['evaluate', file('run'), '--weights', 'last'], 2, '--weights: expected best or final, got last'],
    [['predict', file('run'), file('nothing.npy')], 1, 'nothing.npy: no such file'],
    [['predict', file('run'), file('lone.npy')], 1, 'lone.npy, an array of [4]: expected samples of shape [4], as the model takes, got []'],
  ];
  for (const [args, code, message] of asked) {
    const ended = await runCli(t, ...args);
    t.equal(ended.stderr.replaceAll(`${folder}/`, ''), `error: ${message}\n`);
    t.equal(ended.code, code);
    t.equal(ended.stdout, '');
  }
  const { stdout } = await runWell(t, 'predict', file('run'), file('square.npy'), '--json');
  t.match(
    stdout,
    /^(\{"sample":\d+,"outputs":\[[\d.e,-]+\],"class":[0-2],"probability":[\d.]+\}\n){12}$/,
    'only the number of values counts',
  );
});
