import { join } from 'node:path';
import type { Test } from 'tap';
import { type Cli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { type Presence, watchPresence } from '../fixtures/presence.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/**
 * Faults crossed with the moment they strike, against real processes: the run ends, and its weights and figures are
 * the undisturbed run's, to the bit.
 */

const training = ['--epochs', '6', '--shards', '4', '--workers', '2', '--checkpoint-every', '5', '--step-timeout', '1'];
const config = [...someMnist, ...training, '--no-tensorboard'];
const preload = `--import=${new URL('../fixtures/strike.mjs', import.meta.url).href}`;

export interface Strike {
  readonly role: 'worker' | 'up';
  readonly moment: string;
  readonly at: number;
  readonly signal: NodeJS.Signals;
}

/** What a run has come to. */
export interface Result {
  readonly weights: unknown;
  readonly figures: unknown;
}

let expected: Promise<Result> | undefined;

export function resultOf(path: string): Result {
  return { weights: weightsOf(path), figures: [metricsOf(path, 'step'), metricsOf(path, 'epoch')] };
}

/** What the run comes to where nothing strikes. */
export function undisturbed(t: Test): Promise<Result> {
  expected ??= (async () => {
    const runs = t.testdir();
    await runWell(t, 'up', ...config, '--runs', runs, '--name', 'undisturbed');
    return resultOf(join(runs, 'undisturbed'));
  })();
  return expected;
}

/** Starts the run that is struck, and answers it with what tells which of its processes live. */
export async function startStruck(
  t: Test,
  runs: string,
  strike: Strike,
  ...flags: readonly string[]
): Promise<{ up: Cli; presence: Presence }> {
  const slot = strike.role === 'worker' ? { slot: 1 } : {};
  const presence = await watchPresence(t);
  const env = {
    ...presence.env,
    NODE_OPTIONS: `${presence.env['NODE_OPTIONS']} ${preload}`,
    STRIKE: JSON.stringify({ ...strike, ...slot, marker: join(runs, 'struck') }),
  };
  return { up: startCli(t, ['up', ...config, ...flags, '--runs', runs, '--name', 'disturbed'], env), presence };
}
