import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import { type Cli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { watchPresence } from '../fixtures/presence.js';
import { checkpointsOf, metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** What dies, and what is left of the run then. */

const config = [...someMnist, '--epochs', '12', '--shards', '4', '--workers', '2'] as const;
/** More than any test waits for. */
const endless = [...someMnist, '--epochs', '100000', '--workers', '2'] as const;

async function pidOfWorker(up: Cli, slot: number): Promise<number> {
  const [, pid] = await up.line(new RegExp(`^worker ${slot} is ready: .*\\(pid (\\d+) on `));
  return Number(pid);
}

test('a worker that is killed in the middle of a run changes no bit', async (t) => {
  const runs = t.testdir();
  const up = startCli(t, ['up', ...config, '--runs', runs, '--name', 'disturbed']);
  const pid = await pidOfWorker(up, 1);
  await up.line(/^epoch 1\/12 /);
  process.kill(pid, 'SIGKILL');
  await up.line(/^worker 1 was killed by SIGKILL/);
  const { stderr } = await up.done();
  const afterwards = stderr.slice(stderr.indexOf('worker 1 was killed'));
  t.match(afterwards, /^epoch 12\/12 /m, 'the run went on without it');
  const [left, ...others] = metricsOf(join(runs, 'disturbed'), 'worker').filter(({ event }) => event === 'left');
  t.match(left, { worker: 'worker 1', pid, line: /^(was killed by SIGKILL|the connection is lost)/ });
  t.same(others, [], 'the end of a run is no loss of workers');
  await runWell(t, 'up', ...config, '--runs', runs, '--name', 'undisturbed');
  t.same(weightsOf(join(runs, 'disturbed')), weightsOf(join(runs, 'undisturbed')));
});

test('workers that are all killed are started again, and change no bit', async (t) => {
  const runs = t.testdir();
  const up = startCli(t, ['up', ...config, '--runs', runs, '--name', 'disturbed']);
  const pids = [await pidOfWorker(up, 0), await pidOfWorker(up, 1)];
  await up.line(/^epoch 1\/12 /);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  const { stderr } = await up.done();
  t.match(stderr, /; no worker is left, the run needs at least 1; waiting up to 60 s for more$/m);
  await runWell(t, 'up', ...config, '--runs', runs, '--name', 'undisturbed');
  t.same(weightsOf(join(runs, 'disturbed')), weightsOf(join(runs, 'undisturbed')));
});

test('a run whose workers are all killed fails, naming the last', async (t) => {
  const runs = t.testdir();
  const up = startCli(t, ['up', ...endless, '--max-restarts', '0', '--runs', runs, '--name', 'run']);
  const pids = [await pidOfWorker(up, 0), await pidOfWorker(up, 1)];
  await up.line(/^epoch 1\//);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  const { code, stdout, stderr } = await up.ended;
  t.equal(code, 1);
  t.equal(stdout, '');
  const error = stderr.slice(stderr.indexOf('error:'));
  t.match(
    error,
    /^error: worker [01] \(pid \d+ on \S+\) (was killed by SIGKILL|the connection is lost).*; no worker is left, the run needs at least 1\n$/,
  );
  t.ok(pids.some((pid) => error.includes(`(pid ${pid} `)));
});

test('a run that falls under minWorkers fails', async (t) => {
  const up = startCli(t, ['up', ...endless, '--min-workers', '2', '--max-restarts', '0', '--runs', t.testdir()]);
  const pid = await pidOfWorker(up, 0);
  await up.line(/^epoch 1\//);
  process.kill(pid, 'SIGKILL');
  const { code, stderr } = await up.ended;
  t.equal(code, 1);
  t.match(stderr, new RegExp(`^error: worker 0 \\(pid ${pid} on .*only 1 worker is left, the run needs at least 2$`, 'm'));
});

test('a worker that dies at once again and again is given up, with its last words, and the others go on', async (t) => {
  const runs = t.testdir({
    'die.mjs': `
      const args = process.argv;
      if (args[2] === 'worker' && args[args.indexOf('--slot') + 1] === '1') {
        console.error('the GPU has fallen off the bus');
        process.exit(7);
      }
    `,
  });
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(join(runs, 'die.mjs')).href}` };
  // Long enough that the pauses of 0.25, 0.5 and 1 s pass.
  const up = startCli(t, ['up', ...endless, '--max-restarts', '2', '--runs', runs, '--name', 'run', '--start-timeout', '0.1'], env);
  await up.line(/^worker 1 ended with exit code 7; starting it again in 0.25 s$/);
  await up.line(/^worker 1 ended with exit code 7; starting it again in 0.5 s$/);
  await up.line(/^worker 1 ended with exit code 7; given up after 2 restarts; its last words: .*the GPU has fallen off the bus$/);
  await up.line(/^epoch \d+\//);
  up.kill('SIGINT');
  t.equal((await up.ended).code, 130);
});

test('local workers leave when their coordinator is killed', async (t) => {
  const presence = await watchPresence(t);
  const up = startCli(t, ['up', ...endless, '--runs', t.testdir()], presence.env);
  await up.line(/^epoch 1\//);
  await presence.atLeast(3);
  up.kill('SIGKILL');
  t.equal((await up.ended).signal, 'SIGKILL');
  await presence.none();
});

test('local workers leave when their coordinator is killed before they are ready', async (t) => {
  const presence = await watchPresence(t);
  const up = startCli(t, ['up', ...endless, '--runs', t.testdir()], presence.env);
  await presence.atLeast(2);
  up.kill('SIGKILL');
  t.equal((await up.ended).signal, 'SIGKILL');
  await presence.none();
});

test('a worker by hand leaves when its coordinator is killed', async (t) => {
  const coordinator = startCli(t, ['coordinator', ...endless, '--workers', '1', '--runs', t.testdir()]);
  const [, address = '', key = ''] = await coordinator.line(/--connect (tcp:\S+) --key (\S+)$/);
  const worker = startCli(t, ['worker', '--connect', address, '--key', key, '--reconnect-timeout', '0']);
  await coordinator.line(/^epoch 1\//);
  coordinator.kill('SIGKILL');
  const { code, stderr } = await worker.ended;
  t.equal(code, 1);
  t.match(stderr, /^\[worker\] ready: .*\nerror: the connection to the coordinator is lost\n$/);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} stops a run, with a checkpoint`, async (t) => {
    const runs = t.testdir();
    const presence = await watchPresence(t);
    const up = startCli(t, ['up', ...endless, '--runs', runs, '--name', 'run'], presence.env);
    await up.line(/^epoch 1\//);
    up.kill(signal);
    const { code, stdout, stderr } = await up.ended;
    t.equal(code, 130);
    t.equal(stdout, '');
    const [, steps] = /\nstopped after step (\d+), with a checkpoint\n$/.exec(stderr) ?? [];
    const folder = join(runs, 'run');
    t.equal(checkpointsOf(folder).at(-1)?.progress.step, Number(steps), 'the last checkpoint is of the last step');
    t.equal(metricsOf(folder, 'step').length, Number(steps), 'every step is in the metrics');
    t.notOk(existsSync(join(folder, 'final')), 'there is no final model');
    await presence.none();
  });
}

test('SIGINT while a coordinator waits for its workers leaves nothing', async (t) => {
  const runs = t.testdir();
  const coordinator = startCli(t, ['coordinator', ...endless, '--runs', runs, '--name', 'run']);
  await coordinator.line(/^waiting for 2 workers/);
  coordinator.kill('SIGINT');
  const { code, stderr } = await coordinator.ended;
  t.equal(code, 130);
  t.match(stderr, /\nstopped while waiting for workers\n$/);
  t.same(readdirSync(runs), []);
});
