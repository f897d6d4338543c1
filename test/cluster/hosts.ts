import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Teardown } from '../fixtures/cli.js';

/**
 * Hosts with addresses of their own on one machine: namespaces behind a bridge without an uplink, each with a host name, a
 * /dev/shm and perhaps folders of its own. For the rest they share this machine's disk, so what passes between them must be
 * shown to pass: bytes are counted.
 */
export interface Hosts {
  /** Their addresses. Their names are host1, host2 and so on. */
  readonly addresses: readonly string[];
  /** The words of a command that run the words after them on a host, counted from 0. */
  readonly enter: (host: number) => readonly string[];
  /** Runs a command on a host to its end. @returns what it prints */
  on(host: number, ...command: readonly string[]): string;
  /** Bytes that a host has received. */
  received(host: number): number;
  /** Takes a host's link away, as if its cable were pulled. */
  cut(host: number): void;
  /** Lets everything that a host sends and is sent vanish. */
  drop(host: number): void;
  /** Undoes `cut` and `drop`. */
  heal(host: number): void;
  /** Slows down what a host sends and is sent: `rate 100mbit delay 5ms loss 1%`. */
  shape(host: number, limits: string): void;
  /** Command lines of the bpnn-dist processes on a host. */
  processes(host: number): string[];
  /** Kills every process on a host but those that make it one. */
  powerOff(host: number): void;
}

export interface HostsOptions {
  /** Folders that every host has for itself, empty at first. */
  readonly own?: readonly string[];
  /** Links that can be given a delay. */
  readonly canDelay?: boolean;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const prefix = 'bpnnt';
const subnet = '10.78.0';

/** Why these tests cannot run here. */
export const missing =
  process.getuid?.() !== 0
    ? 'needs root, for network namespaces'
    : existsSync('/usr/sbin/sshd')
      ? undefined
      : 'needs /usr/sbin/sshd (apt-get install openssh-server)';

export function startHosts(t: Teardown, count: number, { own = [], canDelay = false }: HostsOptions = {}): Hosts {
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-hosts-'));
  const wire = join(folder, 'wire');
  if (canDelay) execFileSync('cc', ['-O2', '-o', wire, here('wire.c')]);
  const env = {
    ...process.env,
    NETNS_PREFIX: prefix,
    NETNS_SUBNET: subnet,
    NETNS_OWN: own.join(' '),
    ...(canDelay && { NETNS_WIRE: wire }),
  };
  const netns = (...args: readonly string[]): string =>
    execFileSync('bash', [here('netns.sh'), ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => {
    netns('down');
    rmSync(folder, { recursive: true, force: true });
  });
  // What a test that was killed has left.
  netns('down');
  netns('up', String(count));
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const enter = (host: number): string[] => ['env', `NETNS_PREFIX=${prefix}`, 'bash', here('netns.sh'), 'exec', String(host + 1)];
  const on: Hosts['on'] = (host, ...command) => {
    const [program = '', ...args] = [...enter(host), ...command];
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  };
  return {
    addresses: numbers.map((number) => `${subnet}.${number}`),
    enter,
    on,
    received: (host) => Number(/eth0: *(\d+)/.exec(on(host, 'cat', '/proc/net/dev'))?.[1]),
    cut: (host) => void netns('cut', String(host + 1)),
    drop: (host) => void netns('drop', String(host + 1)),
    heal: (host) => void netns('heal', String(host + 1)),
    shape: (host, limits) => void netns('shape', String(host + 1), ...limits.split(' ')),
    processes: (host) =>
      processesOn(host)
        .map(({ line }) => line)
        .filter((line) => line.includes('main.js')),
    powerOff(host) {
      for (const { pid, line } of processesOn(host)) {
        if (!line.includes('sleep infinity')) process.kill(pid, 'SIGKILL');
      }
    },
  };
}

const clients = new WeakMap<Hosts, string>();

/** An ssh server on every host, unless they have them already. @returns the ssh client with the options that they need */
export function startSsh(t: Teardown, hosts: Hosts): string {
  const known = clients.get(hosts);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-ssh-'));
  const env = { ...process.env, NETNS_PREFIX: prefix, NETNS_SUBNET: subnet, SSHD_DIR: folder };
  const sshd = (...args: readonly string[]): string =>
    execFileSync('bash', [here('sshd.sh'), ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  // The servers end with their hosts.
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const host of hosts.addresses.keys()) sshd('start', String(host + 1));
  const client = `ssh ${sshd('opts').trim()}`;
  clients.set(hosts, client);
  return client;
}

/** Every process on a host. */
function processesOn(host: number): { pid: number; line: string }[] {
  const pids = execFileSync('ip', ['netns', 'pids', `${prefix}${host + 1}`], { encoding: 'utf8' });
  return pids
    .split('\n')
    .filter((pid) => pid !== '')
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), line: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() }];
      } catch {
        return [];
      }
    });
}

/** Looks again and again until something is so. @throws Error once it has not been for so many seconds */
export async function until(what: string | (() => string), isSo: () => boolean, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until no bpnn-dist process is left on any host. @throws Error where some are, for long */
export function untilIdle(hosts: Hosts): Promise<void> {
  return until('no process is left on any host', () => hosts.addresses.every((_, host) => hosts.processes(host).length === 0));
}
