import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Teardown } from '../fixtures/cli.js';

/**
 * Hosts with addresses of their own on one machine: network namespaces behind a bridge without an uplink, each with an ssh
 * server. They share this machine's disk, so what passes between them must be shown to pass: bytes are counted.
 */
export interface Hosts {
  readonly names: readonly string[];
  /** Runs a command on a host, counted from 0. */
  readonly on: (host: number, command: readonly string[]) => readonly string[];
  /** The ssh client with the options that its servers need. */
  readonly ssh: string;
  /** Bytes that a host has received. */
  received(host: number): number;
  cut(host: number): void;
  drop(host: number): void;
  /** Command lines of the bpnn-dist processes on a host. */
  processes(host: number): string[];
}

const netns = fileURLToPath(new URL('netns.sh', import.meta.url));
const sshd = fileURLToPath(new URL('sshd.sh', import.meta.url));
const prefix = 'bpnnt';

/** Why these tests cannot run here. */
export const missing =
  process.getuid?.() !== 0
    ? 'needs root, for network namespaces'
    : existsSync('/usr/sbin/sshd')
      ? undefined
      : 'needs /usr/sbin/sshd (apt-get install openssh-server)';

export function startHosts(t: Teardown, count: number): Hosts {
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-hosts-'));
  const env = { ...process.env, NETNS_PREFIX: prefix, NETNS_SUBNET: '10.78.0', SSHD_DIR: folder };
  const run = (script: string, ...args: readonly string[]): string =>
    execFileSync('bash', [script, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => {
    run(netns, 'down');
    rmSync(folder, { recursive: true, force: true });
  });
  run(netns, 'up', String(count));
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  for (const number of numbers) run(sshd, 'start', String(number));
  return {
    names: numbers.map((number) => `10.78.0.${number}`),
    on: (host, command) => ['ip', 'netns', 'exec', `${prefix}${host + 1}`, ...command],
    ssh: `ssh ${run(sshd, 'opts').trim()}`,
    received: (host) =>
      Number(
        execFileSync('ip', ['netns', 'exec', `${prefix}${host + 1}`, 'cat', '/sys/class/net/eth0/statistics/rx_bytes'], {
          encoding: 'utf8',
        }),
      ),
    cut: (host) => void run(netns, 'cut', String(host + 1)),
    drop: (host) => void run(netns, 'drop', String(host + 1)),
    processes: (host) => processesIn(`${prefix}${host + 1}`),
  };
}

function processesIn(namespace: string): string[] {
  const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
    .split('\n')
    .filter((pid) => pid !== '');
  const lines = pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    } catch {
      return '';
    }
  });
  return lines.filter((line) => line !== '' && !line.includes('sshd'));
}
