import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { npyBytes } from '../fixtures/arrays.js';
import { type Ended, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { FileServer } from '../fixtures/fileServer.js';
import { weightsOf } from '../fixtures/runFolder.js';
import { someImages, writeNpy } from '../fixtures/sources.js';

/** Whole runs on data at addresses. */

const flags = ['--epochs', '1', '--workers', '2', '--shards', '2', '--engine', 'onnx', '--no-tensorboard'];

/** A command whose copies stay in the test's folder. */
function run(t: Test, folder: string, ...args: readonly string[]): Promise<Ended> {
  return startCli(t, args, { XDG_CACHE_HOME: join(folder, 'cache') }, folder).ended;
}

async function runWell(t: Test, folder: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await run(t, folder, ...args);
  t.equal(ended.code, 0, ended.stderr);
  return ended;
}

test('arrays at addresses give the weights that files give, to the byte', async (t) => {
  const folder = t.testdir();
  const server = await FileServer.start(t);
  const { x, y } = writeNpy(folder, 'train', someImages('train', 300));
  server.files.set('/x.npy', { bytes: readFileSync(x), etag: '"x"' });
  server.files.set('/y.npy', { bytes: readFileSync(y), modified: 'Fri, 27 Nov 2026 10:00:00 GMT' });
  const model = '{ inputShape: [28, 28], layers: [flatten, { dense: { units: 10, activation: softmax } }] }';
  const train = (name: string, data: string): Promise<Ended> =>
    runWell(t, folder, 'up', ...flags, '--model', model, '--data', data, '--runs', join(folder, 'runs'), '--name', name);
  await train('files', `{ x: ${x}, y: ${y}, normalize: { divide: 255 } }`);
  const data = `{ x: "${server.origin}/x.npy?key=secret", y: "${server.origin}/y.npy", normalize: { divide: 255 } }`;
  const { stderr } = await train('addresses', data);
  t.match(stderr, `fetching ${server.origin}/x.npy?...\nfetched ${server.origin}/x.npy?...\n`);
  t.notMatch(stderr, 'secret');
  t.same(weightsOf(join(folder, 'runs', 'addresses')), weightsOf(join(folder, 'runs', 'files')));
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 2, 'workers use what the coordinator has fetched');
  t.match(readdirSync(join(folder, 'runs', '.data')), ['fetched']);

  const predicted = await runWell(t, folder, 'predict', 'runs/addresses', `${server.origin}/x.npy`);
  t.equal(predicted.stdout.trim().split('\n').length, 300);
  const evaluated = await runWell(t, folder, 'evaluate', 'runs/addresses', '--data', data);
  t.match(evaluated.stdout, 'samples 300');
});

test('a table at an address, and what is in it', async (t) => {
  const folder = t.testdir();
  const server = await FileServer.start(t);
  const table = `a,b,kind\n${'1,2,x\n3,4,y\n5,6,x\n7,8,y\n'.repeat(8)}`;
  writeFileSync(join(folder, 't.csv'), table);
  server.files.set('/t.csv', { bytes: Buffer.from(table), etag: '"1"' });
  const config = (at: string): string =>
    `model: 2-2\nbatchSize: 4\ndata: { table: ${at}, target: kind, normalize: standardize, test: { table: ${at} } }\n`;
  writeFileSync(join(folder, 'file.yaml'), config('t.csv'));
  writeFileSync(join(folder, 'address.yaml'), config(`${server.origin}/t.csv`));
  for (const name of ['file', 'address']) await runWell(t, folder, 'up', `${name}.yaml`, ...flags, '--name', name);
  t.same(weightsOf(join(folder, 'runs', 'address')), weightsOf(join(folder, 'runs', 'file')));
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 1);
  t.match(readFileSync(join(folder, 'runs/address/config.yaml'), 'utf8'), `table: ${server.origin}/t.csv`, 'the run knows its address');

  const { stdout } = await runWell(t, folder, 'inspect', `${server.origin}/t.csv`);
  t.match(stdout, `${server.origin}/t.csv: CSV, 32 rows\n`);
});

test('what cannot be is said before there is a run', async (t) => {
  const folder = t.testdir();
  const server = await FileServer.start(t);
  for (const [data, problem] of [
    [`{ images: ${server.origin}/train }`, `${server.origin}/train: expected a folder of images on this machine`],
    [`{ table: ${server.origin}/missing.csv, target: kind }`, `${server.origin}/missing.csv: no such file`],
    [
      `{ table: "http://u:secret@${new URL(server.origin).host}/t.csv", target: kind }`,
      `${server.origin}/t.csv: holds a name or a password`,
    ],
  ] as const) {
    const { code, stderr } = await run(t, folder, 'up', ...flags, '--model', '2-2', '--data', data);
    t.equal(code, 1);
    t.match(stderr, problem);
    t.notMatch(stderr, 'secret');
    t.notOk(existsSync(join(folder, 'runs', 'article')));
  }
});

test('a worker opens no address but those that it was told to', async (t) => {
  const folder = t.testdir();
  const server = await FileServer.start(t);
  const x = npyBytes(
    '<f4',
    [32, 2],
    Float32Array.from({ length: 64 }, (_, i) => i % 5),
  );
  server.files.set('/a/x.npy', { bytes: x, etag: '"1"' });
  server.files.set('/a/y.npy', {
    bytes: npyBytes(
      '<i4',
      [32],
      Int32Array.from({ length: 32 }, (_, i) => i % 2),
    ),
    etag: '"1"',
  });
  const data = `{ x: "${server.origin}/a/x.npy", y: "${server.origin}/a/y.npy" }`;
  const settings = ['--model', '2-2', '--batch-size', '4', '--epochs', '1', '--engine', 'onnx', '--workers', '1', '--no-tensorboard'];
  const { coordinator, worker } = await startCoordinator(t, ...settings, '--data', data, '--runs', join(folder, 'runs'), '--name', 'run');
  const env = { XDG_CACHE_HOME: join(folder, 'cache') };
  const start = (...more: readonly string[]) => startCli(t, [...worker, ...more], env, folder);
  const before = server.asked.length;
  const refused = await start().ended;
  t.not(refused.code, 0);
  t.match(refused.stderr, /begins with none of the addresses that this worker opens data at \(none\); start it with --data-url PREFIX/);
  t.not((await start('--data-url', `${server.origin}/b/`).ended).code, 0);
  t.equal(server.asked.length, before, 'nothing was asked for');
  await start('--data-url', `${server.origin}/b/`, '--data-url', `${server.origin}/a`).done();
  await coordinator.done();
});
