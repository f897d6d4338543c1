import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { type Cli, ownCommand, runWell, startProgram, type Teardown } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';
import { type Hosts, missing, startHosts, startSsh, untilIdle } from './hosts.js';

/** Workers on hosts with addresses of their own, over ssh: `npm run test:cluster`, as root on Linux. */

const skip = missing ?? false;
const config = [
  '--data',
  '{ name: mnist, take: 3000 }',
  '--model',
  '784-64-10',
  '--shards',
  '4',
  '--epochs',
  '4',
  '--name',
  'run',
] as const;
const parameters = 784 * 64 + 64 + 640 + 10;
const steps = 300;

/** `up` on the first host, with workers on the others. */
function startUp(t: Teardown, hosts: Hosts, runs: string, ...more: readonly string[]): Cli {
  const others = hosts.addresses.slice(1).map((name) => `root@${name}:1`);
  const up = ['up', ...config, '--runs', runs, '--hosts', others.join(','), '--ssh', startSsh(t, hosts), ...more];
  return startProgram(t, [...hosts.enter(0), ...ownCommand, ...up]);
}

async function local(t: Teardown, runs: string): Promise<Record<string, string>> {
  await runWell(t, 'up', ...config, '--workers', '1', '--runs', join(runs, 'local'));
  return weightsOf(join(runs, 'local', 'run'));
}

test('the same bytes as on one machine, with every tensor on the wire', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 4);
  const before = hosts.addresses.map((_, host) => hosts.received(host));
  const { stderr } = await startUp(t, hosts, runs).done();
  const got = hosts.addresses.map((_, host) => hosts.received(host) - (before[host] ?? 0));
  t.same(weightsOf(join(runs, 'run')), await local(t, runs));
  for (const host of [1, 2, 3]) {
    t.ok((got[host] ?? 0) > steps * parameters * 4, `host ${host} received the weights of every step: ${got[host]} bytes`);
    t.match(stderr, new RegExp(`^\\[worker ${host - 1}\\] ready: `, 'm'), 'its lines come back');
  }
  t.ok((got[0] ?? 0) > steps * parameters * 4 * 3, 'and the coordinator the gradients of all');
  t.match(readFileSync(join(runs, 'run', 'log', 'worker-2.log'), 'utf8'), /Z \[worker 2\] ready: /);
  await untilIdle(hosts);
});

test('an ssh client that is killed: its worker is started again on its host', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const up = startUp(t, hosts, runs);
  await up.line(/^epoch 1\//);
  const client = execFileSync('pgrep', ['-f', `^ssh .*root@${hosts.addresses[2]} `], { encoding: 'utf8' })
    .trim()
    .split('\n')[0];
  process.kill(Number(client), 'SIGKILL');
  await up.done();
  t.same(weightsOf(join(runs, 'run')), await local(t, runs));
  const events = metricsOf(join(runs, 'run'), 'worker').filter(({ worker }) => worker === 'worker 1');
  t.same(events.map(({ event }) => event).slice(0, 2), ['ready', 'left']);
  await untilIdle(hosts);
});

for (const how of ['cut', 'drop'] as const) {
  test(`a host whose link is gone (${how}): the others go on, and nothing is left on it`, { skip }, async (t) => {
    const runs = t.testdir();
    const hosts = startHosts(t, 4);
    const up = startUp(t, hosts, runs, '--max-restarts', '0');
    await up.line(/^epoch 1\//);
    hosts[how](3);
    await up.line(/^worker 2 /);
    await up.done();
    t.same(weightsOf(join(runs, 'run')), await local(t, runs));
    // Its worker notices by itself.
    await untilIdle(hosts);
  });
}

test('a coordinator that is killed leaves no process on any host', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const up = startUp(t, hosts, runs, '--epochs', '10000');
  await up.line(/^epoch 1\//);
  t.ok(hosts.processes(1).length > 0);
  up.kill('SIGKILL');
  await up.ended;
  await untilIdle(hosts);
});

test('what is missing on which host is said before anything starts', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 2);
  const up = startProgram(t, [
    ...[...hosts.enter(0), ...ownCommand, 'up', ...config, '--runs', runs, '--ssh', startSsh(t, hosts)],
    ...['--hosts', `root@${hosts.addresses[1]}:1,nobody@${hosts.addresses[1]}:1,root@10.78.0.77:1`],
  ]);
  const { code, stderr } = await up.ended;
  t.equal(code, 2);
  const lines = stderr.trimEnd().split('\n');
  t.equal(lines[0], 'error: 2 of 3 hosts cannot take part');
  t.match(lines[1], /^host +version +node +data +cores +GPUs$/);
  t.match(lines[2], new RegExp(`^root@${hosts.addresses[1]} +\\S+ +v\\d+\\S+ +same +\\d+ +\\d+ +ready$`));
  t.match(lines[3], /^nobody@\S+ .*Permission denied/);
  t.match(lines[4], /^root@10\.78\.0\.77 .*(timed out|No route to host|unreachable)/);
});
