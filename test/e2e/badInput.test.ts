import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { runCli } from '../fixtures/cli.js';
import { listen } from '../fixtures/ports.js';

/** Whatever is wrong with a command ends in one clear message, the right exit code, and no trace of a run. */
const table: readonly (readonly [what: string, args: readonly string[], code: number, message: RegExp])[] = [
  ['an unknown flag', ['up', '--batch-siz', '3'], 2, /^error: unknown option '--batch-siz'\n\(Did you mean --batch-size\?\)/],
  [
    'a wrong type',
    ['up', '--epochs', '1.5'],
    2,
    /^error: flags: one problem\n {2}epochs: expected a whole number of at least 1, got 1\.5\n$/,
  ],
  [
    'several problems',
    ['up', 'several.yaml'],
    2,
    /^error: several\.yaml and flags: 3 problems\n {2}optimizer\.name: expected one of .*, got "adm"; did you mean "adam"\?\n {2}epochs: .*got 0\n {2}batchsize: unknown key; did you mean "batchSize"\?\n$/,
  ],
  ['YAML that does not parse', ['up', 'broken.yaml'], 2, /^error: broken\.yaml: \d problems\n( {2}.* at line \d, column \d+:\n)+$/],
  ['no such config', ['up', 'nowhere.yaml'], 2, /^error: nowhere\.yaml: no such config file\n$/],
  [
    'layers that do not fit',
    ['up', 'unfit.yaml'],
    2,
    /model\.layers\[0\]\.dense: expected one dimension of inputs, got shape \[28, 28\]; put a flatten layer before it\n$/,
  ],
  [
    'another input shape',
    ['up', '--model', '100-10'],
    2,
    /model\.inputShape: expected \[28, 28\], the shape of the data's samples, got \[100\]\n$/,
  ],
  [
    'labels outside the classes',
    ['up', '--model', '784-5'],
    1,
    /^error: train targets, \S+, row \d+: expected a class number from 0 to 4, for 5 outputs, got \d; number classes from 0, .*\n$/,
  ],
  [
    'weights of classes that the network has not',
    ['up', '--data', '{ name: mnist, take: 100, classWeights: { 0: 2, 10: 5 } }'],
    2,
    /^error: config: one problem\n {2}data\.classWeights: expected classes \(0 to 9\), got "10"\n$/,
  ],
  ['a missing data file', ['up', '--data', '{ x: no.npy, y: no.npy }'], 1, /^error: no\.npy: no such file\n$/],
  ['a data file that is none', ['up', '--data', '{ x: broken.yaml, y: broken.yaml }'], 1, /^error: broken\.yaml: .*\n$/],
  [
    'weights of another length',
    ['up', '--initial-weights', 'broken.yaml'],
    1,
    /^error: broken\.yaml: expected 101770 float32 weights in 407080 bytes, got \d+ bytes\n$/,
  ],
  [
    'a run that exists',
    ['up', '--name', 'there'],
    2,
    /^error: runs\/there: this run exists already; choose another name, or leave it out\n$/,
  ],
  [
    'a malformed address',
    ['coordinator', '--bind', 'localhost'],
    2,
    /^error: expected an address such as tcp:\/\/HOST:PORT, got "localhost"\n$/,
  ],
  [
    'an open address without a key',
    ['coordinator', '--bind', 'tcp://0.0.0.0:0'],
    2,
    /^error: --bind tcp:\/\/0\.0\.0\.0:0: other machines reach this address, so it needs keys/,
  ],
  [
    'a malformed address to connect to',
    ['worker', '--connect', 'tcp://x'],
    2,
    /^error: expected an address such as tcp:\/\/HOST:PORT, got "tcp:\/\/x"\n$/,
  ],
  [
    'a timeout that is none',
    ['worker', '--connect', 'tcp://127.0.0.1:1', '--connect-timeout', 'soon'],
    2,
    /^error: --connect-timeout: expected a number of seconds of at least 0, got soon\n$/,
  ],
  ['a missing key file', ['worker', '--connect', 'tcp://127.0.0.1:1', '--key', 'no.key'], 2, /^error: no\.key: no such key file\n$/],
  ['no run to evaluate', ['evaluate', 'nowhere'], 2, /^error: nowhere: no such folder or file\n$/],
  ['no run to resume', ['up', '--resume', 'nowhere'], 2, /^error: --resume nowhere: no such run, neither as a folder nor in runs\n$/],
];

const files = {
  'several.yaml': 'batchsize: 3\nepochs: 0\noptimizer: adm\n',
  'broken.yaml': 'epochs: 3\n  batchSize: [1,\n',
  'unfit.yaml': 'model: { inputShape: [28, 28], layers: [dense: 10] }\n',
};

for (const [what, args, code, message] of table) {
  test(what, async (t) => {
    const folder = t.testdir(files);
    mkdirSync(join(folder, 'runs', 'there'), { recursive: true });
    const ended = await runCli(
      t,
      ...args.map((arg) => (arg in files ? join(folder, arg) : arg.replaceAll(/\b(broken\.yaml|no\.npy)/g, (name) => join(folder, name)))),
      ...(['evaluate', 'worker'].includes(args[0] ?? '') ? [] : ['--runs', join(folder, 'runs')]),
    );
    const stderr = ended.stderr.replaceAll(`${folder}/`, '');
    t.match(stderr, message);
    t.equal(ended.code, code);
    t.equal(ended.stdout, '');
    t.notMatch(stderr, / {4}at /, 'no stack');
    t.same(readdirSync(join(folder, 'runs')), ['there'], 'and no run');
  });
}

test('a port in use', async (t) => {
  const { port } = await listen(t);
  const runs = t.testdir();
  writeFileSync(join(runs, 'mark'), '');
  const { code, stderr } = await runCli(t, 'coordinator', '--bind', `tcp://127.0.0.1:${port}`, '--runs', runs);
  t.equal(stderr, `error: cannot listen on tcp://127.0.0.1:${port}: the port is in use; choose another, or 0 for any that is free\n`);
  t.equal(code, 2);
  t.same(readdirSync(runs), ['mark']);
});
