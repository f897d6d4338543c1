import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Hosts, until } from '../cluster/hosts.js';
import type { Teardown } from '../fixtures/cli.js';

/** Runs kubectl to its end. @returns what it prints @throws Error with what it says where it fails */
export type Kubectl = (args: readonly string[], stdin?: string) => Promise<string>;

/** A real Kubernetes API server with its controllers and its scheduler, on the first test host. */
export interface ControlPlane {
  readonly kubectl: Kubectl;
  readonly helm: Kubectl;
  /** Starts kubectl, and leaves it running. */
  spawn(args: readonly string[]): ChildProcess;
  apply(object: object): Promise<string>;
  /** Sets parts of an object's status. */
  setStatus(kind: string, name: string, status: object): Promise<unknown>;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Where `build.sh` puts what it builds. */
export const programs = execFileSync('bash', [here('build.sh'), 'folder'], { encoding: 'utf8' }).trim();

/** Why it cannot run here. */
export const missingKubernetes = !existsSync(join(programs, 'helm'))
  ? 'needs a Kubernetes that test/kubernetes/build.sh has built (npm run test:kubernetes builds it)'
  : existsSync('/usr/bin/etcd')
    ? undefined
    : 'needs etcd (apt-get install etcd-server)';

export async function startControlPlane(t: Teardown, hosts: Hosts, folder: string): Promise<ControlPlane> {
  const [program = '', ...args] = [...hosts.enter(0), 'bash', here('controlPlane.sh'), folder, programs];
  const server = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  t.teardown(async () => {
    server.kill('SIGTERM');
    await ended;
  });
  await until('the control plane is ready', () => existsSync(join(folder, 'ready')) || server.exitCode !== null);
  if (server.exitCode !== null) throw new Error(`no control plane: its logs are in ${folder}`);
  const commandOf = (name: string, words: readonly string[]): readonly string[] => [
    ...hosts.enter(0),
    ...['env', `KUBECONFIG=${join(folder, 'kubeconfig')}`, `HELM_CACHE_HOME=${folder}`, join(programs, name), ...words],
  ];
  const run =
    (name: string): Kubectl =>
    async (words, stdin = '') => {
      const [program = '', ...args] = commandOf(name, words);
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
      child.stdin.on('error', () => undefined).end(stdin);
      const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
      const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
      if (code !== 0) throw new Error(`${name} ${words.join(' ')}: ${stderr}`);
      return stdout;
    };
  const kubectl = run('kubectl');
  return {
    kubectl,
    helm: run('helm'),
    spawn(words) {
      const [program = '', ...args] = commandOf('kubectl', words);
      return spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    },
    apply: (object) => kubectl(['apply', '-f', '-'], JSON.stringify(object)),
    setStatus: (kind, name, status) =>
      kubectl(['patch', kind, name, '--subresource=status', '--type=strategic', '-p', JSON.stringify({ status })]),
  };
}
