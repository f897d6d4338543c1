import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parametersOf } from './settings.js';

/**
 * A coordinator and two workers on hosts of their own, over links of a given speed: `npm run bench:network`, as root on
 * Linux (network namespaces, and tc to limit them; nothing leaves the machine).
 */

const hosts = ['bpnn-bench1', 'bpnn-bench2', 'bpnn-bench3'] as const;
const bridge = 'bpnn-benchsw';
const cli = fileURLToPath(import.meta.resolve('#cli'));
const address = 'tcp://10.91.0.1:7000';

const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

function up(rate: string): void {
  ip('netns', 'add', bridge);
  ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', bridge, 'link', 'set', 'br0', 'up');
  for (const [i, host] of hosts.entries()) {
    ip('netns', 'add', host);
    ip('-n', bridge, 'link', 'add', `p${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host);
    ip('-n', bridge, 'link', 'set', `p${i}`, 'master', 'br0', 'up');
    ip('-n', host, 'addr', 'add', `10.91.0.${i + 1}/24`, 'dev', 'eth0');
    ip('-n', host, 'link', 'set', 'eth0', 'up');
    ip('-n', host, 'link', 'set', 'lo', 'up');
    const limit = ['root', 'tbf', 'rate', rate, 'burst', '256kb', 'latency', '50ms'];
    execFileSync('tc', ['-n', host, 'qdisc', 'add', 'dev', 'eth0', ...limit]);
    execFileSync('tc', ['-n', bridge, 'qdisc', 'add', 'dev', `p${i}`, ...limit]);
  }
}

function down(): void {
  for (const name of [...hosts, bridge]) if (ip('netns').includes(name)) ip('netns', 'del', name);
}

function start(host: string, ...args: readonly string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', host, process.execPath, cli, ...args], { stdio: 'ignore' });
}

interface Times {
  readonly median: number;
  readonly compute: number;
}

async function measure(hidden: readonly number[], steps: number, compression: string): Promise<Times> {
  const runs = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));
  const model = [784, ...hidden, 10].join('-');
  const settings = {
    model,
    'batch-size': 256,
    steps,
    epochs: 1_000,
    shards: 2,
    workers: 2,
    'validation-split': 0,
    compression,
    runs,
    name: 'run',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const coordinator = start(hosts[0], 'coordinator', '--bind', address, '--insecure', ...flags);
  const ended = once(coordinator, 'exit');
  while (!existsSync(join(runs, 'run', 'config.yaml'))) await sleep(50);
  const workers = hosts.slice(1).map((host) => once(start(host, 'worker', '--connect', address), 'exit'));
  await ended;
  await Promise.all(workers);
  const { stepMs } = JSON.parse(readFileSync(join(runs, 'run', 'summary.json'), 'utf8')) as { stepMs: Times };
  rmSync(runs, { recursive: true });
  return stepMs;
}

const short = (figure: number): number => Number(figure.toPrecision(3));
const rows: Record<string, string | number>[] = [];
for (const gigabits of [1, 5, 10]) {
  down();
  up(`${gigabits}gbit`);
  try {
    for (const [hidden, steps] of [
      [[128], 600],
      [[1_024, 1_024], 40],
      [[4_096, 4_096], 8],
    ] as const) {
      const bytes = 4 * parametersOf({ hidden });
      // Two gradients in, and two times the weights out, at the coordinator's link.
      const oneWay = (2 * bytes * 8) / (gigabits * 1e6);
      const { median, compute } = await measure(hidden, steps, 'none');
      const { median: rounded } = await measure(hidden, steps, 'bf16');
      rows.push({
        ...{ network: [784, ...hidden, 10].join('-'), 'Gbit/s': gigabits, 'ms a step': short(median), 'in bf16': short(rounded) },
        ...{ compute: short(compute), 'bytes one way, ms': short(oneWay), 'both ways in turn': short(2 * oneWay) },
      });
    }
  } finally {
    down();
  }
}
const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`;
console.log(machine);
console.table(rows);
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/network.json', import.meta.url), `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
