import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { runCli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { closedPort, listen } from '../fixtures/ports.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** Workers that are started by hand: where they connect, how long they wait, and that it makes no difference to the result. */

const config = [...someMnist, '--epochs', '3', '--shards', '4'] as const;

async function weightsOfUp(t: Test, runs: string): Promise<Record<string, string>> {
  await runWell(t, 'up', ...config, '--workers', '1', '--runs', runs, '--name', 'up');
  return weightsOf(join(runs, 'up'));
}

test('two workers by hand give the bytes of `up`', async (t) => {
  const runs = t.testdir();
  const { coordinator, address, worker: command } = await startCoordinator(t, ...config, '--workers', '2', '--runs', runs, '--name', 'run');
  t.match(address, /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/, 'the port that was found is printed');
  const workers = [0, 1].map(() => startCli(t, command));
  await coordinator.done();
  for (const worker of workers) {
    t.match(await worker.ended, { code: 0, stdout: '', stderr: /^\[worker\] ready: .+ cpu\n$/ }, 'a worker leaves when the run is over');
  }
  const pids = metricsOf(join(runs, 'run'), 'worker').map(({ pid }) => pid);
  t.same(pids.sort(), workers.map(({ pid }) => pid).sort(), 'both are in the metrics');
  t.same(weightsOf(join(runs, 'run')), await weightsOfUp(t, runs));
});

test('a worker that comes in the middle of a run changes no bit', async (t) => {
  const runs = t.testdir();
  const long = ['--epochs', '40'];
  const { coordinator, worker } = await startCoordinator(t, ...config, '--workers', '1', ...long, '--runs', runs, '--name', 'run');
  startCli(t, worker);
  await coordinator.line(/^worker 0 is ready/);
  startCli(t, worker);
  await coordinator.line(/^worker 1 is ready/);
  await coordinator.done();
  await runWell(t, 'up', ...config, ...long, '--workers', '1', '--runs', runs, '--name', 'alone');
  t.same(weightsOf(join(runs, 'run')), weightsOf(join(runs, 'alone')));
});

test('a worker that is there before its coordinator waits', async (t) => {
  const runs = t.testdir();
  const address = `tcp://127.0.0.1:${await closedPort(t)}`;
  const key = join(runs, 'run.key');
  await runWell(t, 'keygen', key);
  const worker = startCli(t, ['worker', '--connect', address, '--key', key]);
  const [said] = await worker.line(/waiting/);
  t.equal(said, 'waiting');
  const coordinator = startCli(t, [
    'coordinator',
    ...config,
    '--workers',
    '1',
    '--bind',
    address,
    '--key',
    key,
    '--runs',
    runs,
    '--name',
    'run',
  ]);
  await coordinator.done();
  const ended = await worker.ended;
  t.equal(ended.code, 0);
  const lines = ended.stderr.trimEnd().split('\n');
  t.equal(lines[0], `[worker] ${address}: nothing listens there (connection refused); waiting`);
  t.match(lines[1], /^\[worker\] ready: /);
  t.equal(lines.length, 2, 'it says so once, however often it tries');
});

test('a worker that is given a file finds its coordinator, however often that moves', async (t) => {
  const runs = t.testdir();
  const [file, key, heartbeat] = ['address', 'key', 'heartbeat'].map((name) => join(runs, name)) as [string, string, string];
  await runWell(t, 'keygen', key);
  // One that was killed has left its own.
  writeFileSync(file, `tcp://127.0.0.1:${await closedPort(t)}\n`);
  const worker = startCli(t, ['worker', '--address-file', file, '--key', key, '--heartbeat', heartbeat]);
  await worker.line(/nothing listens there/);
  t.ok(existsSync(heartbeat), 'and shows that it lives');
  const listening = ['--bind', 'tcp://0.0.0.0:0', '--advertise', 'localhost', '--address-file', file, '--key', key];
  const coordinator = startCli(t, ['coordinator', ...config, '--workers', '1', ...listening, '--runs', runs, '--name', 'run']);
  const [, address] = await coordinator.line(/ --connect (tcp:\/\/localhost:\d+) /);
  t.equal(readFileSync(file, 'utf8'), `${address}\n`);
  await coordinator.done();
  t.equal((await worker.ended).code, 0);
  t.notOk(existsSync(file), 'it is there as long as the coordinator is');

  const both = await runCli(t, 'worker', '--address-file', file, '--connect', 'tcp://127.0.0.1:1');
  t.match(both, { code: 2, stderr: 'error: expected --connect ADDRESS or --address-file FILE, got both\n' });
  const neither = await runCli(t, 'worker');
  t.match(neither, { code: 2, stderr: /got neither/ });
  const none = await runCli(t, 'worker', '--address-file', file, '--connect-timeout', '0');
  t.match(none, { code: 1, stderr: /within 0 s: no coordinator has written its address there\n$/ });
  const unwritable = await runCli(t, 'coordinator', ...config, '--address-file', join(runs, 'no', 'such'), '--runs', runs);
  t.match(unwritable, { code: 2, stderr: /^error: --address-file .*: it cannot be written/ });
});

test('a worker that is told to leave before the run is over says so by its exit code', async (t) => {
  const runs = t.testdir();
  const { coordinator, worker: command } = await startCoordinator(t, ...config, '--workers', '1', '--epochs', '100000', '--runs', runs);
  const worker = startCli(t, [...command, '--grace-period', '0']);
  await coordinator.line(/^epoch 1\//);
  worker.kill('SIGTERM');
  t.match(await worker.ended, { code: 130, stderr: /\nleft before the run was over\n$/ });
  coordinator.kill('SIGTERM');
  await coordinator.ended;
});

test('a run starts with fewer workers once the time to wait is over', async (t) => {
  const runs = t.testdir();
  const { coordinator, worker } = await startCoordinator(
    t,
    ...config,
    ...['--workers', '2', '--start-timeout', '0.2', '--runs', runs, '--name', 'run'],
  );
  startCli(t, worker);
  const { stderr } = await coordinator.done();
  t.match(stderr, /^engine .* in 1 worker$/m);
  t.same(weightsOf(join(runs, 'run')), await weightsOfUp(t, runs));
});

test('a run that never gets the workers it needs says how long it waits, and ends', async (t) => {
  const waiting = ['--workers', '3', '--min-workers', '3', '--start-timeout', '0.5', '--worker-timeout', '0.5'];
  const { coordinator, worker } = await startCoordinator(t, ...config, ...waiting, '--runs', t.testdir(), '--name', 'run');
  const workers = [0, 1].map(() => startCli(t, [...worker, '--reconnect-timeout', '0']));
  const { code, stderr } = await coordinator.ended;
  t.equal(code, 1);
  t.match(stderr, /^1 of 3 workers ready; the run needs at least 3, and ends in \d s unless more are ready before$/m);
  t.match(stderr, /^error: .*[12] of 3 workers ready, the run needs at least 3$/m);
  for (const one of workers) t.not((await one.ended).code, 0, 'no worker says that the run is over');
});

test('a name that does not resolve', async (t) => {
  const { code, stdout, stderr } = await runCli(t, 'worker', '--connect', 'tcp://something.invalid:5555', '--connect-timeout', '0.3');
  t.equal(code, 1);
  t.equal(stdout, '');
  const reason = 'the name something\\.invalid does not resolve \\((ENOTFOUND|EAI_AGAIN)\\)';
  t.match(
    stderr,
    new RegExp(
      `^\\[worker\\] tcp://something\\.invalid:5555: ${reason}; waiting\nerror: no coordinator at tcp://something\\.invalid:5555 within 0\\.3 s: ${reason}\n$`,
    ),
  );
});

test('a port that stays closed', async (t) => {
  const address = `tcp://127.0.0.1:${await closedPort(t)}`;
  const { code, stderr } = await runCli(t, 'worker', '--connect', address, '--connect-timeout', '0.3');
  t.equal(code, 1);
  const reason = 'nothing listens there (connection refused)';
  t.equal(stderr, `[worker] ${address}: ${reason}; waiting\nerror: no coordinator at ${address} within 0.3 s: ${reason}\n`);
});

test('a coordinator that is gone between two connections', async (t) => {
  const { server, port } = await listen(t, (socket) => {
    socket.destroy();
    server.close();
  });
  const address = `tcp://127.0.0.1:${port}`;
  const worker = startCli(t, ['worker', '--connect', address, '--connect-timeout', '1', '--reconnect-timeout', '0']);
  const { code, stderr } = await worker.ended;
  t.equal(code, 1);
  // Whether it finds the door shut before it gives up is a matter of moments.
  t.match(stderr, /^(\[worker\] tcp:.*; waiting\n)?error: .*\n$/);
  t.notMatch(stderr, / {4}at /);
});

test('a port where something else listens', async (t) => {
  const early = await listen(t, (socket) => socket.write(`HTTP/1.1 400 Bad Request\r\n\r\n${'d'.repeat(400)}`));
  const first = await runCli(t, 'worker', '--connect', `tcp://127.0.0.1:${early.port}`, '--connect-timeout', '10');
  t.equal(first.code, 1);
  t.match(first.stderr, /^error: tcp:\S+: what answers there does not speak as a coordinator of bpnn-dist \S+ does: .*\n$/);

  const { port } = await listen(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  const { code, stderr } = await runCli(t, 'worker', '--connect', `tcp://127.0.0.1:${port}`, '--reconnect-timeout', '0');
  t.equal(code, 1);
  t.match(
    stderr,
    /^error: the (connection to the coordinator is lost|coordinator at \S+ did not accept a connection without a key \(--key FILE\))\n$/,
  );
});
