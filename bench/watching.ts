import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nameOf, type Setting } from './settings.js';

/**
 * What it costs a step to be watched: `npm run bench:watching`. In every round each way of watching is run once, in an order
 * that turns. What else happens on a machine only makes steps longer, so the quarter of the runs that were least disturbed
 * tells most: given is the lower quartile of a step's median, and how much more it is than that of all runs that nobody
 * watches and that write no event file. These are two of the ways, so that it is seen how far the same differs from itself.
 * `--rounds N` (default 20), `--only TEXT` for some networks and ways.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, only: { type: 'string', multiple: true, default: [] } },
});
const rounds = Number(values.rounds);

const settings: readonly Setting[] = [
  { hidden: [128], batchSize: 32, steps: 8_000, peerSteps: 0 },
  { hidden: [1_024, 1_024], batchSize: 128, steps: 150, peerSteps: 0 },
];

interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  /** Somebody looks: what the page asks for is asked for, as often, but without a browser that takes its own time. */
  readonly isLookedAt?: true;
}

const ways: readonly Way[] = [
  { name: 'not watched', flags: ['--no-tensorboard'] },
  { name: 'not watched, again', flags: ['--no-tensorboard'] },
  { name: 'event file for TensorBoard, as usual', flags: [] },
  { name: '--dashboard that nobody opens', flags: ['--no-tensorboard', '--dashboard'] },
  { name: '--dashboard, opened', flags: ['--no-tensorboard', '--dashboard'], isLookedAt: true },
  { name: '--trace of all steps', flags: ['--no-tensorboard', '--trace', '1000000'] },
];

const cli = fileURLToPath(import.meta.resolve('#cli'));

/** Milliseconds of a step: the median of the last 2,000, and the mean. */
async function measure({ hidden, batchSize, steps }: Setting, { flags, isLookedAt }: Way): Promise<{ median: number; mean: number }> {
  const runs = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));
  const model = ['--model', [784, ...hidden, 10].join('-'), '--batch-size', String(batchSize), '--validation-split', '0'];
  const length = ['--steps', String(steps), '--epochs', '1000', '--workers', '2', '--runs', runs, '--json'];
  const child = spawn(process.execPath, [cli, 'up', ...model, ...length, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    createInterface(child.stderr).on('line', (line) => {
      const [, url] = /^dashboard (\S+)$/.exec(line) ?? [];
      if (url !== undefined && isLookedAt) void look(url);
    });
    let text = '';
    for await (const chunk of child.stdout) text += chunk;
    return JSON.parse(text).stepMs;
  } finally {
    rmSync(runs, { recursive: true, force: true });
  }
}

/** Asks for what the page asks for: the steps since the last time, 1,200 points of them. */
async function look(url: string): Promise<void> {
  const { body } = await fetch(`${url}api/events`);
  let seen = 0;
  for await (const chunk of body ?? []) {
    const [, id, steps] = /"id":"([^"]+)".*?"steps":(\d+)/.exec(Buffer.from(chunk).toString()) ?? [];
    if (id === undefined || Number(steps) === seen) continue;
    const stride = 2 ** Math.max(0, Math.ceil(Math.log2(Number(steps) / 1_200)));
    for (const path of [`api/runs/${id}`, `api/runs/${id}/steps?from=${seen}&to=${steps}&stride=${stride}`])
      await (await fetch(url + path)).text();
    seen = Number(steps);
  }
}

const sorted = (figures: readonly number[]): number[] => [...figures].sort((a, b) => a - b);
const at = (figures: readonly number[], part: number): number => sorted(figures)[Math.floor((figures.length - 1) * part)] ?? Number.NaN;
const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(1)} %`;

const isChosen = (name: string, of: readonly string[]): boolean => {
  const wanted = values.only.filter((text) => of.some((one) => one.includes(text)));
  return wanted.length === 0 || wanted.some((text) => name.includes(text));
};
const networks = settings.map(nameOf);
const chosenWays = ways.filter(({ name }) =>
  isChosen(
    name,
    ways.map((way) => way.name),
  ),
);

const results = [];
for (const setting of settings.filter((one) => isChosen(nameOf(one), networks))) {
  const taken = new Map(chosenWays.map(({ name }) => [name, [] as { median: number; mean: number }[]]));
  for (let round = 0; round < rounds; round++) {
    const turned = [...chosenWays.slice(round % chosenWays.length), ...chosenWays.slice(0, round % chosenWays.length)];
    for (const way of turned) taken.get(way.name)?.push(await measure(setting, way));
  }
  const unwatched = chosenWays.flatMap(({ name, flags }) => (flags.length === 1 ? (taken.get(name) ?? []) : []));
  const quartile = (measured: readonly { median: number; mean: number }[], of: 'median' | 'mean'): number =>
    at(
      measured.map((one) => one[of]),
      0.25,
    );
  for (const [watching, measured] of taken) {
    const more = (of: 'median' | 'mean'): string => percent(quartile(measured, of) / quartile(unwatched, of));
    const ms = Number(quartile(measured, 'median').toPrecision(3));
    results.push({ network: nameOf(setting), watching, 'ms a step': ms, more: more('median'), 'in the mean': more('mean') });
  }
}

const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`;
console.log(machine);
console.table(results);
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/watching.json', import.meta.url), `${JSON.stringify({ machine, rounds, results }, undefined, 2)}\n`);
