import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { npyBytes } from '../fixtures/arrays.js';
import { type Cli, ownCommand, runWell, startProgram, type Teardown } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';
import { type Hosts, missing, startHosts, startSsh, until, untilIdle } from './hosts.js';

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
  const up = ['up', ...config, '--transport', 'socket', '--runs', runs, '--hosts', others.join(','), '--ssh', startSsh(t, hosts), ...more];
  return startProgram(t, [...hosts.enter(0), ...ownCommand, ...up]);
}

async function local(t: Teardown, runs: string, ...more: readonly string[]): Promise<Record<string, string>> {
  await runWell(t, 'up', ...config, '--workers', '1', '--runs', join(runs, 'local'), ...more);
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

test('an aggregator a host: its workers share its memory, tensors cross the wire once a host, and its death changes no bit', {
  skip,
}, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const places = hosts.addresses.slice(1).map((name) => `root@${name}:2`);
  const flags = [...config, '--epochs', '6', '--runs', runs, '--hosts', places.join(','), '--ssh', startSsh(t, hosts)];
  const before = hosts.received(0);
  const up = startProgram(t, [...hosts.enter(0), ...ownCommand, 'up', ...flags, '--topology', 'tree']);
  await up.line(/^epoch 1\//);
  const [, pid] = await up.line(/^aggregator 1 lets workers in \(pid (\d+) on /);
  const workers = [...(await up.line(/^worker 2 is ready: .*\(pid (\d+) on .*, below an aggregator\)$/))];
  t.match(readFileSync(`/proc/${workers[1]}/maps`, 'utf8'), /memfd:bpnn-dist/, 'memory is shared');
  process.kill(Number(pid), 'SIGKILL');
  await up.line(/^aggregator 1 .*starting it again/);
  const { stderr } = await up.done();
  const got = hosts.received(0) - before;
  const twice = 1.5 * steps * parameters * 4 * 2;
  t.ok(got < 1.1 * twice, `in a step the coordinator received one gradient of each of two hosts: ${got} bytes, ${twice} of gradients`);
  t.match(stderr.slice(stderr.indexOf('its aggregator 1 is gone')), /^worker [23] is ready: .*, below an aggregator\)$/m, 'they come back');
  t.match(readFileSync(join(runs, 'run', 'log', 'aggregator-1.log'), 'utf8'), /Z \[aggregator 1\] lets workers in at tcp:\/\/10\.78\./);
  t.same(weightsOf(join(runs, 'run')), await local(t, runs, '--epochs', '6'));
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

test('a link that is healed: the worker behind it takes part again', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const epochs = ['--epochs', '100'];
  // It finds out sooner than within a quarter of a minute.
  const up = startUp(t, hosts, runs, ...epochs, '--ssh', `${startSsh(t, hosts)} -o ServerAliveInterval=1 -o ServerAliveCountMax=2`);
  await up.line(/^epoch 1\//);
  hosts.cut(2);
  await up.line(/^worker 1 (?!is ready)/);
  hosts.heal(2);
  const ready = (): number =>
    metricsOf(join(runs, 'run'), 'worker').filter(({ worker, event }) => worker === 'worker 1' && event === 'ready').length;
  await until('worker 1 is ready again', () => ready() === 2);
  await up.done();
  t.same(weightsOf(join(runs, 'run')), await local(t, runs, ...epochs));
  await untilIdle(hosts);
});

test('100 Mbit/s, 5 ms and 1 % of all packets lost: slow, and the same', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3, { canDelay: true });
  for (const host of [0, 1, 2]) {
    // The default of some kernels, bbr, hides what is lost.
    hosts.on(host, 'sysctl', '-qw', 'net.ipv4.tcp_congestion_control=reno');
    hosts.shape(host, 'rate 100mbit delay 5ms loss 1%');
  }
  const short = ['--data', '{ name: mnist, take: 1000 }', '--model', '784-16-10', '--epochs', '2'];
  await startUp(t, hosts, runs, ...short).done();
  t.same(weightsOf(join(runs, 'run')), await local(t, runs, ...short));
  await untilIdle(hosts);
});

test('a check of the network finds the host that is far and slow', { skip }, async (t) => {
  const hosts = startHosts(t, 4, { canDelay: true });
  hosts.shape(0, 'rate 1000mbit');
  for (const host of [1, 2]) hosts.shape(host, 'rate 1000mbit');
  hosts.shape(3, 'rate 100mbit delay 5ms');
  const names = hosts.addresses.slice(1).map((name) => `root@${name}`);
  const check = ['netcheck', '--hosts', names.join(','), '--ssh', startSsh(t, hosts)];
  const { stdout } = await startProgram(t, [...hosts.enter(0), ...ownCommand, ...check]).done();
  const [, two, three] = names.map((name) => stdout.split('\n').find((line) => line.startsWith(name)) ?? '');
  t.notMatch(two, /slow|far/, stdout);
  t.match(three, /slow: \d\d Mbit\/s, the others have \d{3} Mbit\/s; far: \d+\.\d ms there and back/);
  await untilIdle(hosts);
});

test('every host reads its own copy of the data; one that lacks them gets samples, and one that has others is told apart', {
  skip,
}, async (t) => {
  const runs = t.testdir();
  const folder = join(runs, 'data');
  const hosts = startHosts(t, 3, { own: [folder] });
  const [samples, inputs] = [600, 20];
  const values = Float32Array.from({ length: samples * inputs }, (_, i) => Math.sin(i * i));
  const classes = Uint8Array.from({ length: samples }, (_, i) => ((values[i * inputs] ?? 0) > 0 ? 1 : 0));
  const data = ['--data', `{ x: ${folder}/x.npy, y: ${folder}/y.npy }`, '--model', '20-16-2'];
  const files = { x: npyBytes('<f4', [samples, inputs], values), y: npyBytes('|u1', [samples], classes) };
  for (const [name, bytes] of Object.entries(files)) {
    writeFileSync(join(runs, `${name}.npy`), bytes);
    writeFileSync(join(folder, `${name}.npy`), bytes);
    for (const host of [0, 1, 2]) hosts.on(host, 'cp', join(runs, `${name}.npy`), folder);
  }
  await startUp(t, hosts, runs, ...data).done();
  t.same(weightsOf(join(runs, 'run')), await local(t, runs, ...data));

  hosts.on(1, 'rm', `${folder}/y.npy`);
  const lacking = await startUp(t, hosts, runs, ...data, '--name', 'lacking').done();
  t.match(lacking.stderr, /^worker \d lacks the data \(.*y\.npy: no such file\): it gets its samples from the coordinator/m);
  t.same(weightsOf(join(runs, 'lacking')), weightsOf(join(runs, 'run')));

  hosts.on(2, 'cp', `${folder}/y.npy`, `${folder}/x.npy`);
  const { code, stderr } = await startUp(t, hosts, runs, ...data, '--name', 'other').ended;
  t.equal(code, 2);
  t.match(stderr, /^error: 1 of 2 hosts cannot take part\n/);
  t.match(stderr, /10\.78\.0\.2 .* from here .* ready/);
  t.match(stderr, /10\.78\.0\.3 .*other data: fingerprint [0-9a-f]+, expected [0-9a-f]+/);
});

test('a stranger in the same network gets nothing, and changes nothing', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const [, worker = ''] = hosts.addresses;
  const address = `tcp://${hosts.addresses[0]}:5599`;
  const epochs = ['--epochs', '60'];
  const up = startProgram(t, [
    ...[...hosts.enter(0), ...ownCommand, 'up', ...config, ...epochs, '--transport', 'socket', '--runs', runs],
    ...['--hosts', `root@${worker}:1`, '--bind', address, '--ssh', startSsh(t, hosts)],
  ]);
  await up.line(/^epoch 1\//);
  const before = hosts.received(2);
  await runWell(t, 'keygen', join(runs, 'other.key'));
  for (const [key, said] of [
    [[], 'it came without a key, and this run needs one'],
    [['--key', join(runs, 'other.key')], 'its keys are not those of this run'],
  ] as const) {
    const { code, stderr } = await startProgram(t, [...hosts.enter(2), ...ownCommand, 'worker', '--connect', address, ...key]).ended;
    t.equal(code, 1);
    t.match(stderr, /did not accept/);
    await up.line(new RegExp(`^a connection was turned away: ${said}$`));
  }
  // And one that speaks another language.
  hosts.on(2, 'bash', '-c', `head -c 100000 /dev/urandom > /dev/tcp/${hosts.addresses[0]}/5599 || :`);
  t.ok(hosts.received(2) - before < parameters * 4, 'it has received less than the weights');
  await up.done();
  t.same(weightsOf(join(runs, 'run')), await local(t, runs, ...epochs));
  t.same(new Set(metricsOf(join(runs, 'run'), 'worker').map(({ worker }) => worker)), new Set(['worker 0']));
});

test('a coordinator whose host is gone leaves no process on any other', { skip }, async (t) => {
  const runs = t.testdir();
  const hosts = startHosts(t, 3);
  const up = startUp(t, hosts, runs, '--epochs', '100000');
  await up.line(/^epoch 1\//);
  t.ok(hosts.processes(1).length > 0);
  hosts.cut(0);
  hosts.powerOff(0);
  await untilIdle(hosts);
});

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
