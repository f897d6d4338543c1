import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { type Cli, runWell, startProgram } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';
import { type Hosts, missing, startHosts } from './hosts.js';

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
function startUp(t: Parameters<typeof startProgram>[0], hosts: Hosts, runs: string, ...more: readonly string[]): Cli {
  const others = hosts.names.slice(1).map((name) => `root@${name}:1`);
  const up = ['up', ...config, '--runs', runs, '--hosts', others.join(','), '--ssh', hosts.ssh, ...more];
  return startProgram(t, hosts.on(0, []), up);
}

async function local(t: Parameters<typeof runWell>[0], runs: string): Promise<Record<string, string>> {
  await runWell(t, 'up', ...config, '--workers', '1', '--runs', join(runs, 'local'));
  return weightsOf(join(runs, 'local', 'run'));
}

/** Waits until no process of ours is left on any host. */
async function untilNone(hosts: Hosts): Promise<string[]> {
  const end = Date.now() + 20_000;
  for (;;) {
    const left = hosts.names.flatMap((_, host) => hosts.processes(host));
    if (left.length === 0 || Date.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('the same bytes as on one machine, with every tensor on the wire', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 4);
  const before = hosts.names.map((_, host) => hosts.received(host));
  const { stderr } = await startUp(t, hosts, runs).done();
  const got = hosts.names.map((_, host) => hosts.received(host) - (before[host] ?? 0));
  t.same(weightsOf(join(runs, 'run')), await local(t, runs));
  for (const host of [1, 2, 3]) {
    t.ok((got[host] ?? 0) > steps * parameters * 4, `host ${host} received the weights of every step: ${got[host]} bytes`);
    t.match(stderr, new RegExp(`^\\[worker ${host - 1}\\] ready: `, 'm'), 'its lines come back');
  }
  t.ok((got[0] ?? 0) > steps * parameters * 4 * 3, 'and the coordinator the gradients of all');
  t.match(readFileSync(join(runs, 'run', 'log', 'worker-2.log'), 'utf8'), /Z \[worker 2\] ready: /);
  t.same(await untilNone(hosts), []);
});

test('an ssh client that is killed: its worker is started again on its host', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const up = startUp(t, hosts, runs);
  await up.line(/^epoch 1\//);
  const client = execFileSync('pgrep', ['-f', `^ssh .*root@${hosts.names[2]} `], { encoding: 'utf8' })
    .trim()
    .split('\n')[0];
  process.kill(Number(client), 'SIGKILL');
  await up.done();
  t.same(weightsOf(join(runs, 'run')), await local(t, runs));
  const events = metricsOf(join(runs, 'run'), 'worker').filter(({ worker }) => worker === 'worker 1');
  t.same(events.map(({ event }) => event).slice(0, 2), ['ready', 'left']);
  t.same(await untilNone(hosts), []);
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
    t.same(await untilNone(hosts), [], 'its worker has noticed by itself');
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
  t.same(await untilNone(hosts), []);
});

test('what is missing on which host is said before anything starts', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 2);
  const up = startProgram(t, hosts.on(0, []), [
    ...['up', ...config, '--runs', runs, '--ssh', hosts.ssh],
    ...['--hosts', `root@${hosts.names[1]}:1,nobody@${hosts.names[1]}:1,root@10.78.0.77:1`],
  ]);
  const { code, stderr } = await up.ended;
  t.equal(code, 2);
  const lines = stderr.trimEnd().split('\n');
  t.equal(lines[0], 'error: 2 of 3 hosts cannot take part');
  t.match(lines[1], /^host +version +node +data +cores +GPUs$/);
  t.match(lines[2], new RegExp(`^root@${hosts.names[1]} +\\S+ +v\\d+\\S+ +same +\\d+ +\\d+ +ready$`));
  t.match(lines[3], /^nobody@\S+ .*Permission denied/);
  t.match(lines[4], /^root@10\.78\.0\.77 .*(timed out|No route to host|unreachable)/);
});
