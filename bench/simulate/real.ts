import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Hosts, startHosts } from '../../test/cluster/hosts.js';

/** Real runs on hosts of their own (network namespaces) over links of a given speed, to compare a simulation with. */

export interface RealRun {
  readonly workers: number;
  readonly perHost: number;
  readonly hidden: number;
  readonly topology: 'star' | 'tree';
  readonly steps: number;
  /** Shards of a global batch. */
  readonly shards: number;
}

export interface StepTimes {
  readonly median: number;
  readonly compute: number;
  readonly update: number;
}

const cli = fileURLToPath(import.meta.resolve('#cli'));

/** Hosts whose links are as fast as stated, until `work` is done. */
export async function onHosts<T>(count: number, megabits: number | undefined, work: (hosts: Hosts) => Promise<T>): Promise<T> {
  const clean: (() => unknown)[] = [];
  const hosts = startHosts({ teardown: (end) => clean.push(end) }, count);
  try {
    // A link does not save up what it has not sent: no burst beyond what the system sends in one piece.
    if (megabits !== undefined) for (let host = 0; host < count; host++) hosts.shape(host, `rate ${megabits}mbit burst 32kb`);
    return await work(hosts);
  } finally {
    for (const end of clean.reverse()) await end();
  }
}

/** Trains, with the coordinator on the first host, and says how long steps took. */
export async function measure(hosts: Hosts, { workers, perHost, hidden, topology, steps, shards }: RealRun): Promise<StepTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));
  const [key, addressFile] = [join(folder, 'key'), join(folder, 'address')];
  const started: ChildProcess[] = [];
  const start = (host: number, ...args: readonly string[]): ChildProcess => {
    const [program = '', ...words] = [...hosts.enter(host), process.execPath, cli, ...args];
    const child = spawn(program, words, { stdio: 'ignore' });
    started.push(child);
    return child;
  };
  try {
    await once(start(0, 'keygen', key), 'exit');
    const settings = {
      ...{ model: `784-${hidden}-10`, data: '{ name: mnist, take: 2000 }', 'batch-size': 4 * shards, shards, steps, workers, topology },
      ...{ epochs: 1_000, 'validation-split': 0, engine: 'blas', device: 'cpu', runs: folder, name: 'run' },
      ...{ bind: `tcp://${hosts.addresses[0]}:0`, key, 'address-file': addressFile },
    };
    const coordinator = start(0, 'coordinator', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]));
    const ended = once(coordinator, 'exit');
    while (!existsSync(addressFile)) await sleep(50);
    const join_ = ['--address-file', addressFile, '--key', key];
    for (let first = 0; first < workers; first += perHost) {
      const host = 1 + first / perHost;
      if (topology === 'tree') start(host, 'aggregator', ...join_);
      for (let i = first; i < Math.min(workers, first + perHost); i++) start(host, 'worker', ...join_, '--data-root', '/');
    }
    await ended;
    const { stepMs } = JSON.parse(readFileSync(join(folder, 'run', 'summary.json'), 'utf8')) as { stepMs: StepTimes };
    return stepMs;
  } finally {
    for (const child of started) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await Promise.all(started.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined)));
    rmSync(folder, { recursive: true });
  }
}
