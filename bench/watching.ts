import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * What it costs a step to be watched: `npm run bench:watching`. Two runs of the same differ by more than that on most
 * machines, so each is compared with itself: a dashboard is opened and closed again and again while a run goes on, and a trace
 * is written of every other stretch of it. Speeds are those of the run's own lines of pace; given are the median over
 * neighbouring stretches and the middle half. `--rounds N` (default 4) runs of each kind.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '4' } } });

const cli = fileURLToPath(import.meta.resolve('#cli'));
/** Milliseconds of a stretch, of which the first second is left out: whoever looks begins with all of the past. */
const stretch = 5_000;
const settling = 1_000;
/** Pairs of stretches in a run. */
const pairs = 5;

interface Running {
  readonly pid: number;
  readonly url: string;
  readonly pace: () => Pace[];
  readonly end: () => Promise<void>;
}

interface Pace {
  readonly time: number;
  readonly step: number;
}

async function start(...flags: readonly string[]): Promise<Running> {
  const runs = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));
  const config = ['--model', '784-128-10', '--validation-split', '0', '--epochs', '100000', '--workers', '2', '--no-tensorboard'];
  const child = spawn(process.execPath, [cli, 'up', ...config, '--runs', runs, '--name', 'run', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let url = '';
  for await (const line of createInterface(child.stderr)) {
    url = /^dashboard (\S+)$/.exec(line)?.[1] ?? url;
    if (line.startsWith('epoch 2/')) break;
  }
  child.stderr.resume();
  const metrics = join(runs, 'run', 'metrics.jsonl');
  return {
    ...{ pid: child.pid ?? 0, url },
    pace: () =>
      readFileSync(metrics, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{"kind":"pace"'))
        .map((line): Pace => JSON.parse(line)),
    async end() {
      child.kill('SIGINT');
      await ended;
      rmSync(runs, { recursive: true, force: true });
    },
  };
}

/** Milliseconds a step between the first and the last line of pace within a stretch. */
function msPerStep(pace: readonly Pace[], from: number, to: number): number {
  const inside = pace.filter(({ time }) => from <= time && time <= to);
  const [first, last] = [inside[0], inside.at(-1)];
  return first && last && last.step > first.step ? (last.time - first.time) / (last.step - first.step) : Number.NaN;
}

/** Asks for what the page asks for, at a priority of its own: a browser's time is not ours. */
function look(url: string): { close(): void } {
  const script = `
    const { body } = await fetch('${url}api/events');
    let seen = 0;
    for await (const chunk of body) {
      const [, id, steps] = /"id":"([^"]+)".*?"steps":(\\d+)/.exec(Buffer.from(chunk).toString()) ?? [];
      if (id === undefined || Number(steps) === seen) continue;
      const stride = 2 ** Math.max(0, Math.ceil(Math.log2(Number(steps) / 1200)));
      const from = seen === 0 ? 0 : Math.max(0, seen - stride);
      for (const path of ['api/runs/' + id, 'api/runs/' + id + '/steps?from=' + from + '&to=' + steps + '&stride=' + stride]) await (await fetch('${url}' + path)).text();
      seen = Number(steps);
    }`;
  const child = spawn('nice', ['-n', '19', process.execPath, '--input-type=module', '-e', script], { stdio: 'ignore' });
  return { close: () => void child.kill('SIGKILL') };
}

/** Milliseconds of processor time that the dashboard's thread has taken: the one that has put itself last. */
function dashboardCpu(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const stats = readdirSync(folder).map(
    (thread) =>
      readFileSync(join(folder, thread, 'stat'), 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [],
  );
  const ticks = stats.filter((stat) => Number(stat[16]) > 0).map((stat) => Number(stat[11]) + Number(stat[12]));
  return ticks.reduce((sum, one) => sum + one, 0) * 10;
}

const more: { opened: number[]; traced: number[]; cpuOpened: number[]; cpuClosed: number[] } = {
  opened: [],
  traced: [],
  cpuOpened: [],
  cpuClosed: [],
};

/** Runs stretches in turn, plain and otherwise, and keeps how much longer a step takes then. */
async function alternate(
  run: Running,
  into: number[],
  begin: () => { close(): void },
  cpu?: (kind: 'plain' | 'other', ms: number) => void,
): Promise<void> {
  const marks: { from: number; to: number }[] = [];
  for (let i = 0; i < pairs * 2; i++) {
    const other = i % 2 === 1 ? begin() : undefined;
    await sleep(settling);
    const [from, before] = [Date.now(), dashboardCpu(run.pid)];
    await sleep(stretch - settling);
    marks.push({ from, to: Date.now() });
    cpu?.(other ? 'other' : 'plain', ((dashboardCpu(run.pid) - before) / (stretch - settling)) * 1_000);
    other?.close();
  }
  const pace = run.pace();
  const ms = marks.map(({ from, to }) => msPerStep(pace, from, to));
  // Each with the mean of its plain neighbours.
  for (let i = 1; i + 1 < ms.length; i += 2) into.push((ms[i] ?? 0) / (((ms[i - 1] ?? 0) + (ms[i + 1] ?? 0)) / 2));
}

for (let round = 0; round < Number(values.rounds); round++) {
  const run = await start('--dashboard');
  await alternate(
    run,
    more.opened,
    () => look(run.url),
    (kind, ms) => more[kind === 'plain' ? 'cpuClosed' : 'cpuOpened'].push(ms),
  );
  await run.end();
}

/** Steps of a stretch of a trace. */
const traced = 8_000;
for (let round = 0; round < Number(values.rounds); round++) {
  const from = 10_000;
  const run = await start('--trace', `${from}-${from + traced - 1}`);
  while ((run.pace().at(-1)?.step ?? 0) < from + 2 * traced) await sleep(500);
  const pace = run.pace();
  const between = (low: number, high: number): number => {
    const inside = pace.filter(({ step }) => low <= step && step < high);
    return msPerStep(inside, 0, Number.POSITIVE_INFINITY);
  };
  more.traced.push(between(from, from + traced) / ((between(from - traced / 2, from) + between(from + traced, from + 1.5 * traced)) / 2));
  await run.end();
}

const at = (figures: readonly number[], part: number): number =>
  [...figures].sort((a, b) => a - b)[Math.floor((figures.length - 1) * part)] ?? Number.NaN;
const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(1)} %`;
const row = (what: string, ratios: readonly number[]) => ({
  what,
  'a step takes longer by': percent(at(ratios, 0.5)),
  'middle half': `${percent(at(ratios, 0.25))} to ${percent(at(ratios, 0.75))}`,
  stretches: ratios.length,
});
const results = [row('a dashboard that is looked at', more.opened), row('a trace', more.traced)];
const thread = { 'looked at': at(more.cpuOpened, 0.5), 'not looked at': at(more.cpuClosed, 0.5) };
const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`;
console.log(machine);
console.table(results);
console.log("milliseconds of processor time a second, the dashboard's thread:", thread);
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/watching.json', import.meta.url), `${JSON.stringify({ machine, results, thread }, undefined, 2)}\n`);
