import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { openKernel } from '../../src/shared/numbers/kernel/kernel.js';
import type { Hosts } from '../../test/cluster/hosts.js';
import { parametersOf } from '../settings.js';
import { type Costs, framing, stepMs } from './cluster.js';
import { measure, onHosts } from './real.js';

/** What things cost on this machine, measured one by one. `compute` is per shard of four samples. */
export async function measureCosts(hidden: number): Promise<Costs> {
  const shards = 16;
  const runs = { perHost: 4, topology: 'star', steps: 300, shards } as const;
  const { one, eight, large } = await onHosts(3, undefined, async (hosts) => ({
    one: await measure(hosts, { ...runs, workers: 1, hidden: 1 }),
    eight: await measure(hosts, { ...runs, workers: 8, hidden: 1 }),
    large: await measure(hosts, { ...runs, workers: 1, hidden, steps: 100 }),
  }));
  // Seven workers more are 14 messages more, each of which four threads have to do with; all share the cores.
  const message = ((eight.median - one.median) * Math.min(availableParallelism(), 8)) / (7 * 2 * 4);
  const { add, copy } = passes();
  const costs = {
    ...{ message, byte: await byteCost(), ...(await flowsOnALink()), add, copy, handle: 0 },
    wake: Math.max(0.01, (one.median - one.compute - 8 * message) / 2),
    update: large.update / parametersOf({ hidden: [hidden] }),
    compute: large.compute,
  };
  const cluster = {
    workers: 1,
    parameters: parametersOf({ hidden: [hidden] }),
    gigabits: 1_000,
    perHost: 1,
    fanIn: 16,
    topology: 'star',
  } as const;
  // What is left of the step of one worker without a slow link.
  const rest = large.median - stepMs({ ...cluster, cores: availableParallelism(), isOneMachine: true }, costs);
  return { ...costs, handle: Math.max(0, rest / cluster.parameters), compute: large.compute / shards };
}

/** How uneven flows are that share a link, and what share of its rate they make use of together: TCP's doing. */
async function flowsOnALink(): Promise<{ spread: number; efficiency: number }> {
  const all: Flows[] = [];
  await onHosts(5, flowRate, async (hosts) => {
    for (let i = 0; i < 9; i++) all.push(await moveAtOnce(hosts));
  });
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return {
    spread: middle(all.map(({ got }) => (Math.max(...got) - Math.min(...got)) / (Math.max(...got) + Math.min(...got)))),
    efficiency: middle(all.map(({ got, took }) => (got.reduce((sum, count) => sum + count, 0) * 8 * framing) / (took * flowRate * 1_000))),
  };
}

interface Flows {
  /** Bytes that have come over each, when the first was done. */
  readonly got: readonly number[];
  readonly took: number;
}

/** Megabits a second of the links on which flows are watched, how many, and bytes of each: a part of a tensor. */
const flowRate = 100;
const flows = 8;
const partBytes = 2 ** 20;

async function moveAtOnce(hosts: Hosts): Promise<Flows> {
  const program = fileURLToPath(new URL('flows.mjs', import.meta.url));
  const [address = ''] = hosts.addresses;
  const run = (host: number, ...args: readonly (string | number)[]): ChildProcess => {
    const [first = '', ...words] = [...hosts.enter(host), process.execPath, program, ...args.map(String)];
    return spawn(first, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const listener = run(0, 'listen', address, flows, partBytes);
  if (!listener.stdout || !listener.stderr) throw new RangeError('there are pipes');
  const said = text(listener.stdout);
  await once(listener.stderr, 'data');
  const ends = Array.from({ length: flows }, (_, flow) => once(run(1 + (flow % 4), 'connect', address, 2 * partBytes), 'exit'));
  const result: Flows = JSON.parse(await said);
  await Promise.all(ends);
  return result;
}

/** Of a byte that one process sends to another, encrypted, at the slower of both ends. */
async function byteCost(): Promise<number> {
  const cli = fileURLToPath(import.meta.resolve('#cli'));
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));
  const key = join(folder, 'key');
  try {
    execFileSync(process.execPath, [cli, 'keygen', key], { stdio: 'ignore' });
    const center = spawn(process.execPath, [cli, 'netcheck', '--bind', 'tcp://127.0.0.1:0', '--key', key, '--workers', '1', '--json']);
    const figures = text(center.stdout);
    const said = await new Promise<string>((resolve) => center.stderr.once('data', (data) => resolve(String(data))));
    const [, address = ''] = /--connect (\S+)/.exec(said) ?? [];
    const peer = spawn(process.execPath, [cli, 'netcheck', '--connect', address, '--key', key], { stdio: 'ignore' });
    await once(peer, 'exit');
    const { toAllMbit, fromAllMbit } = JSON.parse(await figures) as { toAllMbit: number; fromAllMbit: number };
    return (8 / 1_000) * (1 / Math.min(toAllMbit, fromAllMbit));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds a value of the passes over arrays that do not fit into a cache. */
function passes(): { add: number; copy: number } {
  const size = 4_000_000;
  const { kernel, allocate } = openKernel({ lengths: [size, size] });
  const [a, b] = [allocate(size), allocate(size)];
  const time = (pass: () => void): number => {
    pass();
    const startedAt = performance.now();
    for (let i = 0; i < 10; i++) pass();
    return (performance.now() - startedAt) / 10 / size;
  };
  return { add: time(() => kernel.add(a, b)), copy: time(() => a.set(b)) };
}
