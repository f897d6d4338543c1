import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hasTensorflow } from '../src/engines/tensorflow/binding.js';
import { errorMessage } from '../src/shared/text/errors.js';
import type { Line } from '../test/fixtures/runFolder.js';
import { type Comparison, comparisons } from './sameConfigs.js';
import { type Trained, Trainer } from './trainedBy.js';

/**
 * Does a change of the code change what is trained? `npm run check:same -- OTHER_CHECKOUT` trains the same with another
 * checkout, which is built, and with this one, and compares the bytes of all weights, and all that is logged of steps and
 * epochs except times. The exit code is 1 where anything differs, or a run fails.
 */

interface Verdict {
  /** What stands in the table. */
  readonly other?: string;
  readonly own?: string;
  readonly text: string;
  readonly isGood: boolean;
}

async function compare(comparison: Comparison, other: Trainer, own: Trainer, run: string): Promise<Verdict> {
  if (comparison.needs === 'tensorflow' && !hasTensorflow()) return { text: 'skipped: TensorFlow is not installed', isGood: true };
  try {
    await comparison.train(other, own, run);
    return judge(comparison, other.trained(run), own.trained(run));
  } catch (error) {
    return { text: `FAILED: ${errorMessage(error).trim()}`, isGood: false };
  }
}

function judge({ covers }: Comparison, other: Trained, own: Trained): Verdict {
  const hashes = { other: other.weights[final] ?? 'none', own: own.weights[final] ?? 'none' };
  const differences = differencesOf(other, own);
  if (differences.length > 0) return { ...hashes, text: `DIFFERENT: ${differences.join(', ')}`, isGood: false };
  if (other.weights[final] === undefined) return { ...hashes, text: `FAILED: neither wrote ${final}`, isGood: false };
  if (other.steps.length === 0 || other.epochs === 0) return { ...hashes, text: 'FAILED: neither logged steps and epochs', isGood: false };
  if (covers?.(own) === false) return { ...hashes, text: 'same, but FAILED: it did not come to what it is here for', isGood: false };
  return { ...hashes, text: 'same', isGood: true };
}

const final = join('final', 'weights.bin');

/** What differs: weights by their files, and the first figure by its place. */
function differencesOf(other: Trained, own: Trained): string[] {
  const files = [...new Set([...Object.keys(other.weights), ...Object.keys(own.weights)])].sort();
  const differing = files.filter((file) => other.weights[file] !== own.weights[file]);
  const [a, b] = [other.figures, own.figures];
  const first = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => figureOf(a[i], b[i])).find((figure) => figure !== undefined);
  return first === undefined ? differing : [...differing, `metrics.jsonl from ${first}`];
}

/** The first figure in which two lines differ; undefined where none does. */
function figureOf(a: Line | undefined, b: Line | undefined): string | undefined {
  const key = Object.keys({ ...a, ...b }).find((name) => JSON.stringify(a?.[name]) !== JSON.stringify(b?.[name]));
  const { kind, step, epoch } = { ...a, ...b };
  return key && `${kind} ${kind === 'step' ? step : epoch}: ${key} ${a?.[key]}, ${b?.[key]}`;
}

/** @returns the exit code */
async function compareAll(checkout: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'bpnn-same-'));
  const other = new Trainer(resolve(checkout), join(folder, 'other'));
  const own = new Trainer(fileURLToPath(new URL('..', import.meta.url)), join(folder, 'own'));
  const close = async (): Promise<void> => void (await Promise.all([other.close(), own.close()]));
  let isInterrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      isInterrupted = true;
      void close();
    });
  }
  const row = (...cells: readonly string[]): void => console.log(cells.map((cell, i) => cell.padEnd(i === 0 ? 38 : 13)).join(' '));
  let bad = 0;
  try {
    row('config', 'other', 'own');
    for (const [i, comparison] of comparisons.entries()) {
      const verdict = await compare(comparison, other, own, `run-${i}`);
      if (isInterrupted) return 130;
      row(comparison.name, verdict.other?.slice(0, 12) ?? '-', verdict.own?.slice(0, 12) ?? '-', verdict.text);
      if (!verdict.isGood) bad++;
    }
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
  return bad === 0 ? 0 : 1;
}

const { positionals } = parseArgs({ allowPositionals: true });
const [checkout = ''] = positionals;
if (positionals.length !== 1 || !existsSync(join(checkout, 'dist', 'cli', 'main.js'))) {
  console.error(`expected the folder of another checkout, with dist/cli/main.js in it, got ${positionals.join(' ') || 'nothing'}`);
  process.exitCode = 2;
} else {
  process.exitCode = await compareAll(checkout);
}
