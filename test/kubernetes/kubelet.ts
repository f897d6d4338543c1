import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Hosts } from '../cluster/hosts.js';
import type { ControlPlane } from './controlPlane.js';
import { argumentsOf, type Container, environmentOf, filesOf, type Pod, type Volume } from './pod.js';

interface Running {
  readonly pod: Pod;
  readonly child: ChildProcess;
  /** Its exit code, once it has ended and all that it has written has come. */
  readonly ended: Promise<number>;
  readonly hostsFile: string;
  isDeleted: boolean;
}

interface Slice {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null;
}

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const container = fileURLToPath(new URL('container.sh', import.meta.url));

/**
 * Stands in for the kubelets of a cluster, as far as our pods need them: every test host but the first is a node, and pods
 * that the scheduler binds to it run there as processes, as their own user, with their volumes. What becomes of them is told
 * to the API server. Every image is this checkout; pods have the address of their host; services without an address of their
 * own are found by name.
 */
export class Kubelet {
  readonly #hosts: Hosts;
  readonly #plane: ControlPlane;
  readonly #folder: string;
  readonly #running = new Map<string, Running>();
  readonly #seen = new Set<string>();
  readonly #logs = new Map<string, string>();
  /** Addresses of services, by name. */
  readonly #services = new Map<string, readonly string[]>();
  readonly #watches: readonly ChildProcess[];
  #failure: unknown;

  private constructor(hosts: Hosts, plane: ControlPlane, folder: string) {
    this.#hosts = hosts;
    this.#plane = plane;
    this.#folder = folder;
    this.#watches = [
      this.#watch('endpointslices', (slice: Slice) => this.#onSlice(slice)),
      this.#watch('pods', (pod: Pod) => this.#onPod(pod).catch((error: unknown) => (this.#failure ??= error))),
    ];
  }

  static async start(hosts: Hosts, plane: ControlPlane, folder: string): Promise<Kubelet> {
    for (const [host, address] of hosts.addresses.entries()) {
      if (host === 0) continue;
      const name = `host${host + 1}`;
      await plane.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
      const capacity = { cpu: '4', memory: '16Gi', pods: '20' };
      const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'a test host' }];
      await plane.setStatus('node', name, { capacity, allocatable: capacity, conditions, addresses: [{ type: 'InternalIP', address }] });
    }
    return new Kubelet(hosts, plane, folder);
  }

  /** Kills the process of a pod, as the kernel does where memory is short. @throws RangeError where it does not run */
  kill(pod: string): void {
    const running = [...this.#running.values()].find(({ pod: { metadata } }) => metadata.name === pod);
    if (!running) throw new RangeError(`the pod ${pod} does not run`);
    running.child.kill('SIGKILL');
  }

  /** All that pods whose names begin so have written. */
  log(prefix: string): string {
    return [...this.#logs].flatMap(([pod, text]) => (pod.startsWith(prefix) ? [text] : [])).join('');
  }

  /** @throws what has failed meanwhile */
  async close(): Promise<void> {
    for (const watch of this.#watches) watch.kill('SIGKILL');
    const running = [...this.#running.values()];
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** kubectl prints every object with its last brace on a line of its own. */
  #watch<T>(kind: string, onObject: (object: T) => void): ChildProcess {
    const child = this.#plane.spawn(['get', kind, '--watch', '-o', 'json']);
    let text = '';
    if (child.stdout) {
      createInterface(child.stdout).on('line', (line) => {
        text += `${line}\n`;
        if (line !== '}') return;
        onObject(JSON.parse(text));
        text = '';
      });
    }
    return child;
  }

  #onSlice({ metadata, endpoints }: Slice): void {
    const service = metadata.labels['kubernetes.io/service-name'];
    if (service === undefined) return;
    this.#services.set(service, endpoints?.flatMap(({ addresses }) => addresses) ?? []);
    for (const { hostsFile } of this.#running.values()) writeFileSync(hostsFile, this.#hostsText());
  }

  #hostsText(): string {
    const lines = [...this.#services].flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name}`));
    return `${['127.0.0.1 localhost', ...lines].join('\n')}\n`;
  }

  async #onPod(pod: Pod): Promise<void> {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = 30, name } = pod.metadata;
    const running = this.#running.get(uid);
    if (deletionTimestamp !== undefined) {
      if (running) end(running, deletionGracePeriodSeconds);
      else if (!this.#seen.has(uid)) await this.#remove(name);
      return;
    }
    const host = this.#hosts.addresses.findIndex((_, i) => `host${i + 1}` === pod.spec.nodeName);
    if (host < 0 || this.#seen.has(uid)) return;
    this.#seen.add(uid);
    for (const container of pod.spec.containers) await this.#run(pod, container, host);
  }

  async #run(pod: Pod, image: Container, host: number): Promise<void> {
    const { uid, name } = pod.metadata;
    const { runAsUser, runAsGroup, fsGroup } = pod.spec.securityContext;
    const own = join(this.#folder, uid);
    const hostsFile = join(own, 'hosts');
    mkdirSync(join(own, 'root'), { recursive: true });
    writeFileSync(hostsFile, this.#hostsText());
    const mounts: string[] = [];
    for (const { name: volume, mountPath, readOnly } of image.volumeMounts) {
      const found = pod.spec.volumes.find((one) => one.name === volume);
      if (found) mounts.push(await this.#volume(found, own, fsGroup), mountPath, readOnly === true ? 'ro' : 'rw');
    }
    const environment = environmentOf(pod, image);
    const program = [process.execPath, '/opt/bpnn-dist/dist/cli/main.js', ...argumentsOf(image, environment)];
    const [first = '', ...rest] = [
      ...[...this.#hosts.enter(host), 'unshare', '--mount', 'bash', container, join(own, 'root'), checkout, hostsFile],
      ...[runAsUser, runAsGroup, fsGroup].map(String),
      ...mounts,
      ...['--', 'env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin', ...Object.entries(environment).map(([key, value]) => `${key}=${value}`)],
      ...program,
    ];
    const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => this.#logs.set(name, (this.#logs.get(name) ?? '') + text));
    const ended = new Promise<number>((resolve) =>
      child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGTERM' ? 143 : 137))),
    );
    const running: Running = { pod, child, ended, hostsFile, isDeleted: false };
    this.#running.set(uid, running);
    const address = this.#hosts.addresses[host];
    const startedAt = new Date().toISOString();
    await this.#report(
      pod,
      image,
      { phase: 'Running', podIP: address, podIPs: [{ ip: address }], startTime: startedAt },
      { running: { startedAt } },
    );
    const exitCode = await ended;
    this.#running.delete(uid);
    const terminated = { exitCode, startedAt, finishedAt: new Date().toISOString(), reason: exitCode === 0 ? 'Completed' : 'Error' };
    await this.#report(pod, image, { phase: exitCode === 0 ? 'Succeeded' : 'Failed' }, { terminated });
    rmSync(own, { recursive: true, force: true });
    if (running.isDeleted) await this.#remove(name);
  }

  async #report({ metadata }: Pod, { name, image }: Container, status: object, state: object): Promise<void> {
    const ready = 'running' in state;
    await this.#plane.setStatus('pod', metadata.name, {
      ...status,
      conditions: ['Initialized', 'ContainersReady', 'Ready'].map((type) => ({ type, status: ready ? 'True' : 'False' })),
      containerStatuses: [{ name, image, imageID: '', restartCount: 0, ready, state }],
    });
  }

  async #remove(pod: string): Promise<void> {
    await this.#plane.kubectl(['delete', 'pod', pod, '--grace-period=0', '--force', '--ignore-not-found']);
  }

  /** A folder with what a volume holds, which the pod's group may read, and write where it is no secret and no config. */
  async #volume(volume: Volume, own: string, group: number): Promise<string> {
    const claim = volume.persistentVolumeClaim?.claimName;
    const folder = claim === undefined ? join(own, volume.name) : join(this.#folder, 'claims', claim);
    mkdirSync(folder, { recursive: true });
    const isRead = volume.secret !== undefined || volume.configMap !== undefined;
    if (isRead) {
      for (const [name, content] of Object.entries(await filesOf(volume, (args) => this.#plane.kubectl(args)))) {
        writeFileSync(join(folder, name), content);
        chownSync(join(folder, name), 0, group);
        chmodSync(join(folder, name), volume.secret ? 0o440 : 0o644);
      }
    }
    chownSync(folder, 0, group);
    chmodSync(folder, isRead ? 0o755 : 0o2775);
    return folder;
  }
}

/** SIGTERM, and SIGKILL once the time is over. */
function end(running: Running, gracePeriod: number): void {
  if (running.isDeleted) return;
  running.isDeleted = true;
  running.child.kill('SIGTERM');
  const timer = setTimeout(() => running.child.kill('SIGKILL'), gracePeriod * 1_000);
  void running.ended.then(() => clearTimeout(timer));
}
