import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type Ended, ownCommand, runWell, startProgram, type Teardown } from '../fixtures/cli.js';
import { checkpointsOf, metricsOf, weightsOf } from '../fixtures/runFolder.js';
import { type Hosts, missing, startHosts, until, untilIdle } from './hosts.js';
import { missingSlurm, type Slurm, startSlurm } from './slurm.js';

/** Jobs of a real Slurm with three nodes on hosts of their own: `npm run test:cluster`, as root on Linux. */

const skip = missing ?? missingSlurm ?? false;
const article = join(import.meta.dirname, '../../examples/article.yaml');
const small = ['--data', '{ name: mnist, take: 3000 }', '--model', '784-64-10', '--shards', '4'];

test('a Slurm cluster of three nodes', { skip }, async (t) => {
  const hosts = startHosts(t, 4);
  const slurm = await startSlurm(t, hosts, 2);
  const folder = t.testdir();
  const cluster = { t, hosts, slurm, folder };

  await t.test('the article, with the bytes of a run on one machine', (t) => theArticle(t, cluster));
  await t.test('before the time is up the job is queued again, and its run goes on', (t) => timeLimit(t, cluster));
  await t.test('scancel saves, and the job is not queued again', (t) => cancelled(t, cluster));
  await t.test('a slurmd that is killed disturbs nothing; a node that dies takes its worker along', (t) => nodeFailure(t, cluster));
  await t.test('a first node that dies: the job is queued again, and its run goes on elsewhere', (t) => firstNodeFailure(t, cluster));
  await t.test('a worker that is killed is started again on its node', (t) => killedWorker(t, cluster));
  for (const flags of [
    ['--gpus-per-node', '2'],
    ['--workers-per-node', '2', '--gpus-per-task', '1', '--topology', 'tree'],
  ])
    await t.test(`every worker has a GPU of its own: ${flags.join(' ')}`, (t) => gpus(t, cluster, flags));
  await t.test('an experiment as an array of jobs, with its report', (t) => experiment(t, cluster));
  await t.test('a cell whose time is up is queued again, alone', (t) => cellAgain(t, cluster));
  await untilIdle(hosts);
});

interface Cluster {
  readonly hosts: Hosts;
  readonly slurm: Slurm;
  readonly folder: string;
}

/** Types a command on the first host. */
function type(t: Teardown, { hosts, slurm, folder }: Cluster, ...command: readonly string[]): Promise<Ended> {
  return startProgram(t, [...hosts.enter(0), ...command], slurm.env, folder).done();
}

/** Submits a training on all three nodes. @returns the job's number */
async function submit(t: Teardown, cluster: Cluster, ...flags: readonly string[]): Promise<Job> {
  const { stdout } = await type(t, cluster, ...ownCommand, 'slurm', '--nodes', '3', '--time', '10:00', ...flags);
  return jobOf(t, cluster, stdout.trim(), 'article');
}

interface Job {
  readonly number: string;
  /** Folder of its run. */
  readonly run: string;
  /** Waits for a line in its log. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits until it is no longer queued. @returns its state and the exit code of its script */
  end(): Promise<string>;
}

function jobOf(t: Teardown, { slurm, folder }: Cluster, number: string, name: string): Job {
  const run = join(folder, 'runs', `${name}-${number}`);
  const log = startProgram(t, ['sh', '-c', 'exec tail -n +1 -F "$0" >&2 2> /dev/null', `${run}.log`]);
  return {
    number,
    run,
    line: (pattern) => log.line(pattern),
    async end() {
      await until(`job ${number} has ended:\n`, () => slurm.run('squeue', '-h', '-j', number).trim() === '');
      const [, state, code] = /JobState=(\w+)[\s\S]*ExitCode=(\S+)/.exec(slurm.run('scontrol', 'show', 'job', number)) ?? [];
      return `${state} ${code}`;
    },
  };
}

async function theArticle(t: Test, cluster: Cluster): Promise<void> {
  const { hosts, folder } = cluster;
  const before = hosts.addresses.map((_, host) => hosts.received(host));
  const flags = ['--epochs', '1', '--shards', '4'];
  const job = await submit(t, cluster, article, ...flags);
  await job.line(/^runs\/article-\d+$/);
  t.equal(await job.end(), 'COMPLETED 0:0');
  const got = hosts.addresses.map((_, host) => hosts.received(host) - (before[host] ?? 0));
  await runWell(t, 'up', article, ...flags, '--workers', '1', '--runs', folder, '--name', 'local');
  t.same(weightsOf(job.run), weightsOf(join(folder, 'local')));
  const steps = metricsOf(job.run, 'step').length;
  const bytes = steps * (784 * 128 + 128 + 1280 + 10) * 4;
  for (const host of [2, 3]) t.ok((got[host] ?? 0) > bytes, `host ${host} received the weights of every step: ${got[host]} bytes`);
  t.ok((got[1] ?? 0) > 2 * bytes, 'and the first node the gradients of the others');
  await untilIdle(hosts);
}

async function timeLimit(t: Test, cluster: Cluster): Promise<void> {
  const { slurm, folder } = cluster;
  const flags = [...small, '--epochs', '20'];
  const job = await submit(t, cluster, ...flags);
  await job.line(/^epoch 2\//);
  // What --signal does when the time is nearly up; limits are whole minutes.
  slurm.run('scancel', '--batch', '--signal=USR1', job.number);
  await job.line(/^stopped/);
  await job.line(/^epoch 20\//);
  t.equal(await job.end(), 'COMPLETED 0:0');
  t.match(slurm.run('scontrol', 'show', 'job', job.number), / Restarts=1 /);
  const starts = readFileSync(`${job.run}.log`, 'utf8').match(/^waiting for 3 workers/gm);
  t.equal(starts?.length, 2);
  t.notOk(existsSync(`${folder}/runs/.article-${job.number}.key`), 'its key is gone with it');
  await runWell(t, 'up', ...flags, '--workers', '1', '--runs', folder, '--name', `local-${job.number}`);
  t.same(weightsOf(job.run), weightsOf(join(folder, `local-${job.number}`)));
}

async function cancelled(t: Test, cluster: Cluster): Promise<void> {
  const job = await submit(t, cluster, ...small, '--epochs', '100000');
  await job.line(/^epoch 2\//);
  cluster.slurm.run('scancel', job.number);
  t.match(await job.end(), /^CANCELLED/);
  t.match(readFileSync(`${job.run}.log`, 'utf8'), /^stopped after step \d+/m);
  t.ok(checkpointsOf(job.run).length > 0);
  await untilIdle(cluster.hosts);
}

async function nodeFailure(t: Test, cluster: Cluster): Promise<void> {
  const { hosts, slurm, folder } = cluster;
  const job = await submit(t, cluster, ...small, '--epochs', '100000');
  const left = (): unknown[] => metricsOf(job.run, 'worker').flatMap(({ event, worker }) => (event === 'left' ? [worker] : []));
  await job.line(/^epoch 2\//);
  process.kill(slurm.slurmd(2), 'SIGKILL');
  await job.line(/^epoch 5\//);
  t.same(left(), []);
  slurm.restart();
  hosts.powerOff(3);
  await job.line(/^worker 2 (?!is ready)/);
  await until('Slurm knows that the node is down', () => /down/.test(slurm.run('sinfo', '-h', '-n', 'host4', '-o', '%t')), 60);
  const epochs = (): number => metricsOf(job.run, 'epoch').length;
  const seen = epochs();
  await until('the others go on', () => epochs() >= seen + 20);
  t.same(left(), ['worker 2']);
  slurm.run('scancel', job.number);
  await job.end();
  const flags = [...small, '--epochs', String(epochs() + 2), '--workers', '1'];
  await runWell(t, 'up', '--resume', job.run, ...flags);
  await runWell(t, 'up', ...flags, '--runs', folder, '--name', `local-${job.number}`);
  t.same(weightsOf(job.run), weightsOf(join(folder, `local-${job.number}`)));
  slurm.restart();
  await slurm.untilIdle();
}

async function killedWorker(t: Test, cluster: Cluster): Promise<void> {
  const { hosts } = cluster;
  const job = await submit(t, cluster, ...small, '--epochs', '100000');
  await job.line(/^epoch 2\//);
  const [first] = metricsOf(job.run, 'worker').filter(({ worker }) => worker === 'worker 2');
  process.kill(Number(first?.['pid']), 'SIGKILL');
  await until('worker 2 is there again', () => metricsOf(job.run, 'worker').filter(({ worker }) => worker === 'worker 2').length >= 3);
  t.same(
    metricsOf(job.run, 'worker')
      .filter(({ worker }) => worker === 'worker 2')
      .map(({ event, host }) => [event, host]),
    [
      ['ready', 'host4'],
      ['left', 'host4'],
      ['ready', 'host4'],
    ],
  );
  cluster.slurm.run('scancel', job.number);
  await job.end();
  await untilIdle(hosts);
}

async function gpus(t: Test, cluster: Cluster, flags: readonly string[]): Promise<void> {
  const { stdout: script } = await type(
    t,
    cluster,
    ...ownCommand,
    'slurm',
    '--nodes',
    '3',
    ...flags,
    ...small,
    '--epochs',
    '1',
    '--dry-run',
  );
  // As a user would adapt it by hand.
  const seen = join(cluster.folder, 'seen.sh');
  writeFileSync(seen, '[ "$3" != worker ] || echo "$SLURMD_NODENAME $CUDA_VISIBLE_DEVICES" >> "$SLURM_JOB_ID.gpus"\nexec "$@"\n');
  const file = join(cluster.folder, 'job.sbatch');
  writeFileSync(file, script.replace('bpnn_dist=(', `bpnn_dist=(sh ${seen} `));
  const { stdout } = await type(t, cluster, 'sbatch', '--parsable', file);
  const job = jobOf(t, cluster, stdout.trim(), 'article');
  await job.line(/^runs\/article-\d+$/);
  t.equal(await job.end(), 'COMPLETED 0:0');
  const lines = readFileSync(join(cluster.folder, `${job.number}.gpus`), 'utf8')
    .trimEnd()
    .split('\n');
  t.same(lines.sort(), ['host2 0', 'host2 1', 'host3 0', 'host3 1', 'host4 0', 'host4 1']);
  if (!flags.includes('tree')) return;
  const log = readFileSync(`${job.run}.log`, 'utf8');
  t.equal(log.match(/^aggregator \d lets workers in \(pid \d+ on host[234]\)$/gm)?.length, 3, 'an aggregator on each node');
  t.equal(log.match(/^worker \d is ready: .* below an aggregator\)$/gm)?.length, 6);
  await runWell(t, 'up', ...small, '--epochs', '1', '--workers', '1', '--runs', cluster.folder, '--name', 'below');
  t.same(weightsOf(job.run), weightsOf(join(cluster.folder, 'below')));
}

async function experiment(t: Test, cluster: Cluster): Promise<void> {
  const { slurm, folder } = cluster;
  const data = ['--data', '{ name: mnist, take: 400 }', '--model', '784-8-10', '--engine', 'reference', '--epochs', '2'];
  const grid = [
    '--batch-sizes',
    '16,64',
    '--workers',
    '1',
    '--lr-scaling',
    'none,linear',
    '--seeds',
    '1',
    '--timing-steps',
    '10',
    '--reference-batch',
    '16',
  ];
  const { stdout } = await type(t, cluster, ...ownCommand, 'slurm', 'scale', ...data, ...grid, '--time', '10:00');
  const [array = '', report = ''] = stdout.trim().split('\n');
  await until('the array has ended', () => slurm.run('squeue', '-h', '-j', `${array},${report}`).trim() === '', 120);
  const out = join(folder, 'runs', 'scale');
  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  t.equal(results.trainings.length, 4);
  t.equal(results.timings.length, 2);
  t.same(results.failures, []);
  t.match(readFileSync(join(out, 'report.html'), 'utf8'), /<svg /);
  // The rules share one training at the reference batch.
  t.equal(readdirSync(join(out, 'log')).filter((name) => /^scale-\d+_\d+\.log$/.test(name)).length, 5);
}

async function cellAgain(t: Test, cluster: Cluster): Promise<void> {
  const { slurm, folder } = cluster;
  const data = ['--data', '{ name: mnist, take: 400 }', '--model', '784-8-10', '--epochs', '100000', '--timing-steps', '10000000'];
  const grid = ['--batch-sizes', '16,64', '--workers', '1', '--lr-scaling', 'none', '--seeds', '1', '--reference-batch', '16'];
  const { stdout } = await type(t, cluster, ...ownCommand, 'slurm', 'scale', ...data, ...grid, '--out', 'again', '--time', '10:00');
  const [array = '', report = ''] = stdout.trim().split('\n');
  const steps = (cell: string): number => {
    const metrics = join(folder, 'again', 'runs', cell, 'metrics.jsonl');
    return existsSync(metrics) ? metricsOf(join(folder, 'again', 'runs', cell), 'step').length : 0;
  };
  await until('two cells train', () => steps('b16-none-s1') > 0 && steps('b64-none-s1') > 0);
  // Once there is something to go on with.
  const log = startProgram(t, [
    'sh',
    '-c',
    'exec tail -n +1 -F "$0" >&2 2> /dev/null',
    join(folder, 'again', 'log', `scale-${array}_3.log`),
  ]);
  await log.line(/^cell 3 of 4: b16-none-s1$/);
  slurm.run('scancel', '--batch', '--signal=USR1', `${array}_3`);
  await log.line(/^cell 3 of 4: b16-none-s1, going on/);
  const restarts = ['1', '2', '3', '4'].map(
    (cell) => / Restarts=(\d+) /.exec(slurm.run('scontrol', 'show', 'job', `${array}_${cell}`))?.[1],
  );
  t.same(restarts, ['0', '0', '1', '0'], 'it alone');
  slurm.run('scancel', array, report);
  await until('the array has ended', () => slurm.run('squeue', '-h', '-j', `${array},${report}`).trim() === '');
}

async function firstNodeFailure(t: Test, cluster: Cluster): Promise<void> {
  const { hosts, slurm, folder } = cluster;
  const flags = [...small, '--epochs', '100000', '--workers-per-node', '1'];
  const { stdout: script } = await type(t, cluster, ...ownCommand, 'slurm', '--nodes', '2', ...flags, '--dry-run');
  const file = join(folder, 'first.sbatch');
  mkdirSync(join(folder, 'runs'), { recursive: true });
  writeFileSync(file, script.replace('--connect-timeout 60', '--connect-timeout 10'));
  const { stdout } = await type(t, cluster, 'sbatch', '--parsable', file);
  const job = jobOf(t, cluster, stdout.trim(), 'article');
  await job.line(/^epoch 2\//);
  const [first = ''] = slurm.run('squeue', '-h', '-j', job.number, '-o', '%B').trim().split('\n');
  hosts.powerOff(Number(first.replace('host', '')) - 1);
  const starts = (): number => readFileSync(`${job.run}.log`, 'utf8').match(/^waiting for 2 workers/gm)?.length ?? 0;
  await until('the run goes on elsewhere', () => starts() === 2, 120);
  const seen = metricsOf(job.run, 'epoch').length;
  await until('it gets on', () => metricsOf(job.run, 'epoch').length > seen);
  t.match(slurm.run('scontrol', 'show', 'job', job.number), / Restarts=1 /);
  slurm.run('scancel', job.number);
  await job.end();
  slurm.restart();
  await slurm.untilIdle();
}
