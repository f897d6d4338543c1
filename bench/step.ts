import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Milliseconds a step of the article's network over two workers, as `bpnn-dist up` reaches them: whole runs of the
 * command, without validation, each setting several times in turn. `npm run bench`.
 */
const settings = [
  { batchSize: 32, steps: 4_500 },
  { batchSize: 256, steps: 2_000 },
  { batchSize: 1_024, steps: 1_000 },
];
const rounds = 3;

interface Summary {
  readonly steps: number;
  readonly seconds: number;
  readonly samplesPerSecond: number;
  readonly engine: { readonly library: string; readonly provider: string };
  readonly workers: readonly { readonly computeSeconds: number }[];
}

const cli = fileURLToPath(import.meta.resolve('#cli'));
const runs = mkdtempSync(join(tmpdir(), 'bpnn-bench-'));

function measure(batchSize: number, steps: number): Summary {
  const flags = ['--batch-size', batchSize, '--steps', steps, '--workers', 2, '--validation-split', 0, '--runs', runs, '--json'];
  const output = execFileSync(process.execPath, [cli, 'up', ...flags.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

try {
  const taken = settings.map((setting) => ({ ...setting, summaries: [] as Summary[] }));
  for (let round = 0; round < rounds; round++)
    for (const { batchSize, steps, summaries } of taken) summaries.push(measure(batchSize, steps));
  const rows = taken.map(({ batchSize, steps, summaries }) => {
    const milliseconds = summaries.map((s) => (s.seconds / s.steps) * 1_000);
    const compute = summaries.map((s) => (Math.max(...s.workers.map((w) => w.computeSeconds)) / s.steps) * 1_000);
    const round = (value: number): number => Number(value.toFixed(3));
    return {
      'global batch': batchSize,
      steps,
      'ms a step (median)': round(median(milliseconds)),
      'from - to': `${round(Math.min(...milliseconds))} - ${round(Math.max(...milliseconds))}`,
      'computing, ms': round(median(compute)),
      'samples a second': Math.round(median(summaries.map((s) => s.samplesPerSecond))),
    };
  });
  const engine = taken[0]?.summaries[0]?.engine;
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}, ${engine?.library} ${engine?.provider}`;
  console.log(machine);
  console.table(rows);
  const results = fileURLToPath(new URL('results/step.json', import.meta.url));
  writeFileSync(results, `${JSON.stringify({ machine, network: '784-128-10', workers: 2, rounds, rows }, undefined, 2)}\n`);
} finally {
  rmSync(runs, { recursive: true, force: true });
}
