import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { loadModel, train } from '../../src/index.js';
import { otherData } from '../../src/inference/evaluateModel.js';
import { predictFile } from '../../src/inference/predictFile.js';
import { npyBytes } from '../fixtures/arrays.js';
import { startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { FileServer } from '../fixtures/fileServer.js';
import { weightsOf } from '../fixtures/runFolder.js';
import { someImages, writeNpy } from '../fixtures/sources.js';

/** Whole runs on data at addresses. */

const common = { epochs: 1, workers: 1, shards: 2, engine: 'onnx', tensorboard: false };

/** A folder for the test, where all copies stay, too. */
function folderOf(t: Test): string {
  const folder = t.testdir();
  const before = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  });
  return folder;
}

test('arrays at addresses give the weights that files give, to the byte', async (t) => {
  const folder = folderOf(t);
  const runs = join(folder, 'runs');
  const server = await FileServer.start(t);
  const files = writeNpy(folder, 'train', someImages('train', 300));
  server.files.set('/x.npy', { bytes: readFileSync(files.x), etag: '"x"' });
  server.files.set('/y.npy', { bytes: readFileSync(files.y), modified: 'Fri, 27 Nov 2026 10:00:00 GMT' });
  const model = { inputShape: [28, 28], layers: ['flatten', { dense: { units: 10, activation: 'softmax' } }] };
  const addresses = { x: `${server.origin}/x.npy`, y: `${server.origin}/y.npy` };
  const run = async (name: string, data: object, workers: number): Promise<Record<string, string>> => {
    const { path } = await train({ ...common, workers, model, runs, name, data: { ...data, normalize: { divide: 255 } } });
    return weightsOf(path);
  };
  t.same(await run('addresses', addresses, 2), await run('files', files, 1));
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 2, 'workers use what the coordinator has fetched');
  t.equal(server.asked.filter((line) => line.startsWith('HEAD')).length, 2 * 3, 'once they have asked whether it is the same');
  t.same(readdirSync(join(runs, '.data')), ['fetched']);

  const trained = await loadModel(join(runs, 'addresses'));
  t.teardown(() => trained.close());
  let samples = 0;
  for await (const _ of predictFile(trained, addresses.x)) samples++;
  t.equal(samples, 300);
  t.equal((await otherData(trained, addresses)).count, 300);
});

test('a table at an address that a config names, and what is said of it', async (t) => {
  const folder = folderOf(t);
  const server = await FileServer.start(t);
  const text = `a,b,kind\n${'1,2,x\n3,4,y\n5,6,x\n7,8,y\n'.repeat(8)}`;
  writeFileSync(join(folder, 't.csv'), text);
  server.files.set('/t.csv', { bytes: Buffer.from(text), etag: '"1"' });
  const data = (table: string) => ({ table, target: 'kind', normalize: 'standardize', test: { table } });
  const config = { ...common, model: '2-2', batchSize: 4 };
  const { path } = await train({ ...config, data: data(join(folder, 't.csv')), runs: join(folder, 'runs'), name: 'file' });
  const address = `${server.origin}/t.csv?key=secret`;
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const words = ['--data', JSON.stringify(data(address)), '--name', 'address'];
  const { stderr } = await startCli(t, ['up', 'config.yaml', ...words], {}, folder).done();
  t.same(weightsOf(join(folder, 'runs', 'address')), weightsOf(path));
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 1);
  t.match(stderr, `fetching ${server.origin}/t.csv?...\nfetched ${server.origin}/t.csv?...\nconverting `);
  t.notMatch(stderr, 'secret');
  t.match(readFileSync(join(folder, 'runs/address/config.yaml'), 'utf8'), `table: ${address}`, 'the run knows its address');
  t.notMatch(readFileSync(join(folder, 'runs/address/summary.json'), 'utf8'), 'secret');

  const { stdout } = await startCli(t, ['inspect', address], {}, folder).done();
  t.match(stdout, `${server.origin}/t.csv?...: CSV, 32 rows\n`);
});

test('what cannot be is said before there is a run', async (t) => {
  const runs = join(folderOf(t), 'runs');
  const { origin } = await FileServer.start(t);
  for (const [data, message] of [
    [{ images: `${origin}/train` }, `${origin}/train: expected a folder of images on this machine`],
    [{ table: `${origin}/missing.csv`, target: 'kind' }, `${origin}/missing.csv: no such file`],
    [{ table: `${origin.replace('//', '//u:secret@')}/t.csv`, target: 'kind' }, `${origin}/t.csv: holds a name or a password`],
  ] as const) {
    await t.rejects(train({ ...common, model: '2-2', data, runs, name: 'run' }), { name: 'DataError', message });
    t.notOk(existsSync(join(runs, 'run')));
  }
});

test('a worker opens no address but those that it was told to', async (t) => {
  const folder = folderOf(t);
  const { files, asked, origin } = await FileServer.start(t);
  files.set('/a/x.npy', {
    bytes: npyBytes(
      '<f4',
      [32, 2],
      Float32Array.from({ length: 64 }, (_, i) => i % 5),
    ),
    etag: '"1"',
  });
  files.set('/a/y.npy', {
    bytes: npyBytes(
      '<i4',
      [32],
      Int32Array.from({ length: 32 }, (_, i) => i % 2),
    ),
    etag: '"1"',
  });
  const data = `{ x: "${origin}/a/x.npy", y: "${origin}/a/y.npy" }`;
  const settings = ['--model', '2-2', '--batch-size', '4', '--epochs', '1', '--engine', 'onnx', '--no-tensorboard', '--data', data];
  const run = async (name: string, told: readonly (readonly string[])[]): Promise<string> => {
    const place = ['--workers', String(told.length), '--runs', join(folder, 'runs'), '--name', name];
    const { coordinator, worker } = await startCoordinator(t, ...settings, ...place);
    const workers = told.map((flags) => startCli(t, [...worker, ...flags], { XDG_CACHE_HOME: join(folder, `cache-${name}`) }, folder));
    const { stderr } = await coordinator.done();
    for (const one of workers) await one.done();
    return stderr;
  };
  const gets = (): number => asked.filter((line) => line.startsWith('GET')).length;
  const stderr = await run('without', [[], ['--data-url', `${origin}/b/`]]);
  const lacking =
    /^worker \d lacks the data \(.*begins with none of the addresses that this worker opens data at \(.*; start it with --data-url PREFIX/gm;
  t.equal(stderr.match(lacking)?.length, 2, 'they get samples from the coordinator');
  t.equal(gets(), 2, 'which has fetched both files');
  t.notMatch(await run('with', [['--data-url', `${origin}/b/`, '--data-url', `${origin}/a`]]), 'lacks');
  t.same(weightsOf(join(folder, 'runs', 'with')), weightsOf(join(folder, 'runs', 'without')));
});

/** From now on a server leaves whoever asks so without an answer; resolves once it is asked. */
function stalled(server: FileServer, asking: 'HEAD' | 'GET'): Promise<void> {
  return new Promise((resolve) => {
    server.otherwise = ({ method }) => {
      if (method === asking) resolve();
      return method === asking;
    };
  });
}

test('Ctrl-C while data are fetched ends the command at once, and nothing but what has come is left', async (t) => {
  const folder = folderOf(t);
  const server = await FileServer.start(t);
  server.files.set('/t.csv', { bytes: Buffer.from('a,kind\n1,x\n'), etag: '"1"' });
  const isAsked = stalled(server, 'GET');
  const data = `{ table: "${server.origin}/t.csv", target: kind }`;
  const up = startCli(t, ['up', '--data', data, '--model', '1-2', '--runs', join(folder, 'runs'), '--name', 'run']);
  await isAsked;
  up.kill('SIGINT');
  const { code, stderr } = await up.ended;
  t.equal(code, 130, stderr);
  t.match(stderr, /^stopped before it began$/m);
  t.same(readdirSync(join(folder, 'runs')), ['.data']);
  const [copy = ''] = readdirSync(join(folder, 'runs', '.data', 'fetched'));
  t.same(readdirSync(join(folder, 'runs', '.data', 'fetched', copy)).sort(), ['t.csv.blocks', 't.csv.partial'], 'no lock is left');
});

test('a worker that fetches leaves at once when it is told to', async (t) => {
  const folder = folderOf(t);
  const server = await FileServer.start(t);
  server.files.set('/t.csv', { bytes: Buffer.from(`a,kind\n${'1,x\n2,y\n'.repeat(8)}`), etag: '"1"' });
  const settings = ['--model', '1-2', '--batch-size', '4', '--workers', '1', '--engine', 'onnx', '--runs', join(folder, 'runs')];
  const { worker } = await startCoordinator(t, ...settings, '--data', `{ table: "${server.origin}/t.csv", target: kind }`);
  const isAsked = stalled(server, 'HEAD');
  const leaving = startCli(t, [...worker, '--data-root', '/'], { XDG_CACHE_HOME: join(folder, 'elsewhere') }, folder);
  await isAsked;
  leaving.kill('SIGINT');
  const { code, stderr } = await leaving.ended;
  t.equal(code, 130, stderr);
  t.match(stderr, /^left before the run was over$/m);
});
