import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { stringify } from 'yaml';
import { type Hosts, missing, startHosts, until, untilIdle } from '../cluster/hosts.js';
import { runWell } from '../fixtures/cli.js';
import { checkpointNames, metricsOf, weightsOf } from '../fixtures/runFolder.js';
import { type ControlPlane, missingKubernetes, startControlPlane } from './controlPlane.js';
import { Kubelet } from './kubelet.js';

/**
 * The chart against a real Kubernetes: what it makes is taken by the API server, and its jobs train, as processes on test
 * hosts: `npm run test:kubernetes`, which first builds Kubernetes. Where it is not built, CI says so and goes on.
 */

const chart = fileURLToPath(new URL('../../deploy/kubernetes/chart', import.meta.url));
const plain = fileURLToPath(new URL('../../deploy/kubernetes/run.yaml', import.meta.url));

interface Cluster {
  readonly hosts: Hosts;
  readonly plane: ControlPlane;
  readonly folder: string;
}

const isBuilt = missingKubernetes === undefined;
if (!isBuilt) process.stderr.write(`\n*** KUBERNETES IS NOT TESTED: ${missingKubernetes}\n\n`);

test('Kubernetes', { skip: missing ?? false }, async (t) => {
  if (!isBuilt) return t.comment(`not tested: ${missingKubernetes}`);
  const folder = mkdtempSync(join(tmpdir(), 'kube-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const hosts = startHosts(t, 4);
  const plane = await startControlPlane(t, hosts, join(folder, 'plane'));
  // Where it is strictest about what pods may do.
  await plane.kubectl(['label', 'namespace', 'default', 'pod-security.kubernetes.io/enforce=restricted']);
  await runWell(t, 'keygen', join(folder, 'run.key'));
  const cluster = { hosts, plane, folder };
  await t.test('the chart and the plain manifests are taken, wrong ones are refused', (t) => manifests(t, cluster));
  await t.test('a run with a worker killed and replaced, and 2, 4 and 1 workers', (t) => training(t, cluster));
});

async function manifests(t: Test, { plane }: Cluster): Promise<void> {
  const dryRun = (text: string): Promise<string> => plane.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], text);
  const key = ['--set', 'keySecret=run-key'];
  await plane.helm(['lint', '--strict', chart, ...key]);
  t.equal(
    await plane.helm(['template', 'run', chart, '--kube-version', '1.36.3', ...key]),
    withoutHead(readFileSync(plain, 'utf8')),
    'the plain ones are the chart as it is',
  );
  const variants = [
    [],
    ['--set', 'workers.gpus=1', '--set', 'image.tag=0.1.0-cuda'],
    ['--set', 'dataClaim=data', '--set', 'runs.existingClaim=mine'],
    ['--set', 'networkPolicy=false', '--set', 'workers.minAvailable=0', '--set', 'coordinator.disruptionBudget=false'],
    [
      '--set',
      'dashboardFrom.app=prometheus',
      '--set',
      'workers.nodeSelector.pool=gpu',
      '--set',
      'runs.storageClass=fast',
      '--set',
      'dashboardTokenSecret=mine',
    ],
  ];
  for (const flags of variants) {
    const text = await plane.helm(['template', 'run', chart, '--kube-version', '1.36.3', ...key, ...flags]);
    await t.resolves(dryRun(text), `taken: ${flags.join(' ')}`);
    if (flags.includes('workers.gpus=1')) t.match(text, /limits:\n +memory: 2Gi\n +nvidia.com\/gpu: 1\n/);
  }
  await t.rejects(plane.helm(['template', 'run', chart, '--kube-version', '1.36.3']), {
    message: /expected the run's keys: write them with `bpnn-dist keygen run.key`/,
  });

  const text = readFileSync(plain, 'utf8');
  const wrong: readonly (readonly [string, string, string])[] = [
    ['backoffLimitPerIndex: 3', 'backofLimitPerIndex: 3', 'a field that there is not'],
    ['completionMode: Indexed', 'completionMode: NonIndexed', 'a limit an index without indices'],
    ['parallelism: 2', 'parallelism: -2', 'a negative number of workers'],
    ['restartPolicy: Never', 'restartPolicy: Always', 'a job that never ends'],
    ['port: 5555', 'port: 555555', 'a port beyond all'],
    ['storage: 1Gi', 'storage: 1 Gigabyte', 'a size that is none'],
    ['minAvailable: 1', 'minAvailable: -1', 'a budget below nothing'],
    ['operator: In', 'operator: Includes', 'an operator that there is not'],
    ['app.kubernetes.io/component: worker', 'app.kubernetes.io/component: "a worker"', 'a label with a blank'],
  ];
  for (const [right, other, why] of wrong) {
    t.ok(text.includes(right), right);
    await t.rejects(dryRun(text.replaceAll(right, other)), `refused: ${why}`);
  }
}

/** The plain manifests begin with how they were made. */
function withoutHead(text: string): string {
  return text.slice(text.indexOf('---\n'));
}

async function training(t: Test, { hosts, plane, folder }: Cluster): Promise<void> {
  const config = { model: '784-64-10', data: { name: 'mnist', take: 3000 }, shards: 4, epochs: 100_000, seed: 1 };
  const values = join(folder, 'values.yaml');
  const file = join(folder, 'config.yaml');
  const small = { requests: { cpu: '100m', memory: '64Mi' } };
  writeFileSync(file, stringify(config));
  writeFileSync(values, stringify({ workers: { resources: small }, coordinator: { resources: small } }));
  await plane.apply({
    ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'runs' } },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/runs' } },
  });
  const kubelet = await Kubelet.start(hosts, plane, folder);
  t.teardown(() => kubelet.close());
  const before = hosts.addresses.map((_, host) => hosts.received(host));
  const flags = ['run', chart, '-f', values, '--set-file', `key=${join(folder, 'run.key')}`, '--set-file', `config=${file}`];
  await plane.helm(['install', ...flags]);

  const run = join(folder, 'claims', 'run-runs', 'run');
  const epochs = (): number => (existsSync(join(run, 'metrics.jsonl')) ? metricsOf(run, 'epoch').length : 0);
  const happens = (what: string, isSo: () => boolean): Promise<void> =>
    until(() => `${what}; the pods say:\n${kubelet.log('run-')}`, isSo, 60);
  const events = (event: string): number => metricsOf(run, 'worker').filter((line) => line['event'] === event).length;
  const workers = async (): Promise<string[]> => {
    const names = await plane.kubectl([
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=worker',
      '--field-selector=status.phase=Running',
      '-o',
      'name',
    ]);
    return names
      .trim()
      .split('\n')
      .map((name) => name.replace('pod/', ''));
  };
  const scale = (count: number): Promise<string> =>
    plane.kubectl(['patch', 'job', 'run-worker', '-p', JSON.stringify({ spec: { parallelism: count, completions: count } })]);

  await happens('the second epoch', () => epochs() >= 2);
  t.equal(events('ready'), 2);
  const [first = ''] = await workers();
  kubelet.kill(first);
  await happens('the worker is replaced', () => events('ready') >= 3);
  t.equal(events('left'), 1);

  await scale(4);
  await happens('there are four workers', () => events('ready') >= 5);
  await scale(1);
  await happens('there is one worker', () => events('left') >= 4);

  const [coordinator = ''] = (await plane.kubectl(['get', 'pods', '-l', 'app.kubernetes.io/component=coordinator', '-o', 'name']))
    .trim()
    .split('\n');
  t.ok(checkpointNames(run).length > 0);
  // When it comes again, it is to end soon.
  writeFileSync(file, stringify({ ...config, epochs: epochs() + 50 }));
  await plane.helm(['upgrade', ...flags]);
  await plane.kubectl(['delete', coordinator, '--wait=false']);
  await plane.kubectl(['wait', '--for=condition=Complete', 'job/run-coordinator', 'job/run-worker', '--timeout=120s']);
  t.match(kubelet.log('run-coordinator'), /stopped after step \d+, with a checkpoint/);
  await runWell(t, 'up', file, '--workers', '1', '--runs', join(folder, 'local'), '--name', 'run');
  t.same(weightsOf(run), weightsOf(join(folder, 'local', 'run')));
  const got = hosts.addresses.map((_, host) => hosts.received(host) - (before[host] ?? 0));
  t.ok(got.slice(1).filter((bytes) => bytes > 10e6).length >= 2, `the weights went over the wire: ${got.join(', ')} bytes`);
  await plane.helm(['uninstall', 'run']);
  await untilIdle(hosts);
}
