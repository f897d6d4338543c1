import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { measureOurs } from './ours.js';
import { nameOf, parametersOf, type Setting } from './settings.js';

/**
 * How the cost of a step grows with workers, in shared memory and over sockets, and with parameters: `npm run bench:growth`.
 * More workers than cores take turns on them, so the figures beyond that hold their switching too.
 */

const short = (figure: number): number => Number(figure.toPrecision(3));

/** One sample a worker: next to nothing is computed, and the rest is what a step costs besides. */
const small = (workers: number): Setting => ({ hidden: [128], batchSize: Math.max(16, workers), steps: 1_500, peerSteps: 0 });

const byWorkers = [1, 2, 4, 8, 16].map((workers) => {
  const of = (transport: string, ...flags: readonly string[]): number =>
    short(measureOurs(small(workers), workers, '--workers', String(workers), '--transport', transport, ...flags).median);
  const [shm, socket, bf16] = [of('shm'), of('socket'), of('socket', '--compression', 'bf16')];
  return { workers, 'shared memory, ms': shm, 'sockets, ms': socket, 'sockets in bf16, ms': bf16 };
});

/** So many that compilers are warm in the last 2,000, or a quarter of a minute where steps are long. */
function stepsFor(parameters: number): number {
  if (parameters < 1e6) return 5_000;
  return parameters < 1e7 ? 1_000 : 60;
}

const byParameters = [[128], [512], [1_024, 1_024], [2_048, 2_048], [4_096, 4_096], [9_600, 9_600]].map((hidden) => {
  const setting = { hidden, batchSize: 32, steps: stepsFor(parametersOf({ hidden })), peerSteps: 0 };
  const { step, compute, reduce, update, rest } = measureOurs(setting, 2);
  return {
    network: nameOf(setting),
    'million parameters': short(parametersOf(setting) / 1e6),
    ...{ 'ms a step': short(step), compute: short(compute), reduce: short(reduce), optimizer: short(update), rest: short(rest) },
  };
});

/** Least squares of ms = base + slope * workers. */
function line(points: readonly (readonly [number, number])[]): { base: number; slope: number } {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const slope = mean(points.map(([at, value]) => (at - x) * (value - y))) / mean(points.map(([at]) => (at - x) ** 2));
  return { base: short(y - slope * x), slope: short(slope) };
}

const fanOut = (['shared memory, ms', 'sockets, ms', 'sockets in bf16, ms'] as const).map((by) => {
  const { base, slope } = line(byWorkers.map((row) => [row.workers, row[by]] as const));
  return { by, 'ms of a step': base, 'ms a worker': slope };
});

const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}`;
console.log(machine);
console.table(byWorkers);
console.table(fanOut);
console.table(byParameters);
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('results/growth.json', import.meta.url),
  `${JSON.stringify({ machine, byWorkers, fanOut, byParameters }, undefined, 2)}\n`,
);
