import { join } from 'node:path';
import { type Test, test } from 'tap';
import { readKeys } from '../../src/shared/transport/keys.js';
import { openLink } from '../../src/shared/transport/link.js';
import { runWell, someMnist, startCli } from '../fixtures/cli.js';
import { startCoordinator } from '../fixtures/coordinator.js';
import { startProxy } from '../fixtures/proxy.js';
import { metricsOf, summaryOf, weightsOf } from '../fixtures/runFolder.js';

/** Workers by hand whose connection or coordinator goes away, or who are away themselves for a while. */

const config = [...someMnist, '--epochs', '25', '--shards', '4', '--workers', '2', '--checkpoint-every', '10'] as const;

let undisturbed: Promise<Record<string, string>> | undefined;

function expected(t: Test): Promise<Record<string, string>> {
  const train = async (): Promise<Record<string, string>> => {
    const runs = t.testdir();
    await runWell(t, 'up', ...config, '--runs', runs, '--name', 'up');
    return weightsOf(join(runs, 'up'));
  };
  undisturbed ??= train();
  return undisturbed;
}

test('a connection that is cut: the worker comes back as another', async (t) => {
  const weights = await expected(t);
  const runs = t.testdir();
  const { coordinator, address, key, worker } = await startCoordinator(t, ...config, '--runs', runs, '--name', 'run');
  const proxy = await startProxy(t, address);
  startCli(t, worker);
  const remote = startCli(t, ['worker', '--connect', proxy.address, '--key', key]);
  for (const epoch of [2, 6]) {
    await coordinator.line(new RegExp(`^epoch ${epoch}/`));
    proxy.cut();
    await coordinator.line(/^worker \d the connection is lost$/);
  }
  await remote.line(/^\[worker\] the connection to the coordinator is lost; waiting up to 60 s for it to come back$/);
  await coordinator.done();
  const path = join(runs, 'run');
  t.ok(metricsOf(path, 'worker').filter(({ event }) => event === 'ready').length >= 3, 'it has come again');
  t.same(weightsOf(path), weights);
});

test('a worker that is stopped, given up, and goes on: what it says then comes too late', async (t) => {
  const weights = await expected(t);
  const runs = t.testdir();
  const { coordinator, worker } = await startCoordinator(t, ...config, '--step-timeout', '0.5', '--runs', runs, '--name', 'run');
  startCli(t, worker);
  const other = startCli(t, worker);
  const [, pid] = await coordinator.line(/^worker 1 is ready: .*\(pid (\d+) on /);
  await coordinator.line(/^epoch 2\//);
  process.kill(Number(pid), 'SIGSTOP');
  await coordinator.line(/^worker 1 (has not answered within 0.5 s|the connection is lost)$/);
  // Steps go by, and both arrays of weights are written again and again under what it was sent.
  await coordinator.line(/^epoch 6\//);
  process.kill(Number(pid), 'SIGCONT');
  await coordinator.done();
  await other.ended;
  t.same(weightsOf(join(runs, 'run')), weights);
});

test('a coordinator that is killed and resumed at its address: its workers wait and join again', async (t) => {
  const weights = await expected(t);
  const runs = t.testdir();
  const { coordinator, address, worker } = await startCoordinator(t, ...config, '--runs', runs, '--name', 'run');
  const workers = [0, 1].map(() => startCli(t, worker));
  await coordinator.line(/^epoch 3\//);
  coordinator.kill('SIGKILL');
  await coordinator.ended;
  for (const one of workers)
    await one.line(/^\[worker\] the connection to the coordinator is lost; waiting up to 60 s for it to come back$/);
  const path = join(runs, 'run');
  await runWell(t, 'coordinator', '--resume', path, '--bind', address);
  for (const one of workers) t.equal((await one.ended).code, 0, 'a worker leaves when the run is over');
  t.same(weightsOf(path), weights);
  t.match(summaryOf(path), { steps: 375 });
});

test('a worker that is told to leave while it waits for its coordinator leaves', async (t) => {
  const runs = t.testdir();
  const { coordinator, worker } = await startCoordinator(t, ...config, '--runs', runs, '--name', 'run');
  const [first, second] = [0, 1].map(() => startCli(t, [...worker, '--grace-period', '0']));
  await coordinator.line(/^epoch 1\//);
  coordinator.kill('SIGKILL');
  await coordinator.ended;
  for (const one of [first, second]) {
    await one?.line(/^\[worker\] the connection to the coordinator is lost; waiting/);
    one?.kill('SIGTERM');
    t.equal((await one?.ended)?.code, 130);
  }
});

test('coordinators that are stopped for longer than a step may take keep their workers', async (t) => {
  const runs = t.testdir();
  const long = [...config.slice(0, 2), '--epochs', '100000', '--workers', '1', '--step-timeout', '2', '--runs', runs];
  const up = startCli(t, ['up', ...long, '--name', 'up']);
  const { coordinator, address, key, worker } = await startCoordinator(t, ...long, '--name', 'run');
  startCli(t, worker);
  const stopped = [up, coordinator];
  await Promise.all(stopped.map((cli) => cli.line(/^epoch 2\//)));
  // It has no patience, and so tells when they have been silent for some seconds.
  const witness = openLink(address, { maxFrameBytes: 2 ** 20, keys: readKeys(key) });
  witness.send([Buffer.from('?')]);
  // It is refused, which shows that it is connected.
  for await (const _ of witness.messages()) for (const cli of stopped) cli.kill('SIGSTOP');
  t.equal(witness.lossReason, 'the connection to the coordinator is lost');
  await witness.close();
  for (const cli of stopped) cli.kill('SIGCONT');
  for (const [i, cli] of stopped.entries()) {
    const path = join(runs, i === 0 ? 'up' : 'run');
    const before = metricsOf(path, 'epoch').length;
    await cli.line(new RegExp(`^epoch ${before + 20}/`));
    cli.kill('SIGTERM');
    t.equal((await cli.ended).code, 130);
    t.same(
      metricsOf(path, 'worker').map(({ event }) => event),
      ['ready'],
      'nobody has left',
    );
  }
});
