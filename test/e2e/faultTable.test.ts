import { join } from 'node:path';
import { type Test, test } from 'tap';
import { hasBlas } from '../../src/engines/blas/library.js';
import { type Cli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { type Presence, watchPresence } from '../fixtures/presence.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/**
 * Faults crossed with the moment they strike, against real processes: the run ends, and its weights and figures are
 * the undisturbed run's, to the bit.
 */

const config = [...someMnist, '--epochs', '6', '--shards', '4', '--workers', '2', '--checkpoint-every', '5', '--step-timeout', '1'];
const preload = `--import=${new URL('../fixtures/strike.mjs', import.meta.url).href}`;

interface Strike {
  readonly role: 'worker' | 'up';
  readonly moment: string;
  readonly at: number;
  readonly signal: NodeJS.Signals;
}

let expected: { weights: unknown; figures: unknown } | undefined;

function resultOf(path: string): { weights: unknown; figures: unknown } {
  return { weights: weightsOf(path), figures: [metricsOf(path, 'step'), metricsOf(path, 'epoch')] };
}

async function undisturbed(t: Test): Promise<{ weights: unknown; figures: unknown }> {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--runs', runs, '--name', 'undisturbed');
  return resultOf(join(runs, 'undisturbed'));
}

/** Starts the run that is struck, and answers it with what tells which of its processes live. */
async function startStruck(t: Test, runs: string, strike: Strike, ...flags: readonly string[]): Promise<{ up: Cli; presence: Presence }> {
  const slot = strike.role === 'worker' ? { slot: 1 } : {};
  const presence = await watchPresence(t);
  const env = {
    ...presence.env,
    NODE_OPTIONS: `${presence.env['NODE_OPTIONS']} ${preload}`,
    STRIKE: JSON.stringify({ ...strike, ...slot, marker: join(runs, 'struck') }),
  };
  return { up: startCli(t, ['up', ...config, ...flags, '--runs', runs, '--name', 'disturbed'], env), presence };
}

for (const signal of ['SIGKILL', 'SIGSTOP', 'SIGSEGV'] as const) {
  // Over shared memory, where the machine has it, and over sockets.
  for (const [moment, at, transport] of [
    ['waiting', 1, 'auto'],
    ['computing', 20, 'auto'],
    ['computing', 20, 'socket'],
    ['writing', 200, 'auto'],
    ['sending', 20, 'auto'],
    ['sending', 20, 'socket'],
    ['validating', 2, 'auto'],
  ] as const) {
    // A worker that is stopped before it is ready keeps the others waiting for prepareTimeout, which has its own test.
    if (signal === 'SIGSTOP' && moment === 'waiting') continue;
    // A crash is a kill to the others, whatever way they hear of it.
    if (signal === 'SIGSEGV' && transport === 'socket') continue;
    if (moment === 'writing' && !hasBlas(1)) continue;
    test(`a worker gets ${signal} while ${moment} (${transport})`, async (t) => {
      expected ??= await undisturbed(t);
      const runs = t.testdir();
      const { up, presence } = await startStruck(t, runs, { role: 'worker', moment, at, signal }, '--transport', transport);
      const { stderr } = await up.done();
      await presence.none();
      t.match(
        stderr,
        signal === 'SIGSTOP' ? /^worker 1 has not answered within 1 s$/m : new RegExp(`^worker 1 .*was killed by ${signal}`, 'm'),
      );
      t.same(resultOf(join(runs, 'disturbed')), expected);
    });
  }
}

for (const [moment, at] of [
  ['waiting', 1],
  ['reducing', 20],
  ['validating', 1],
  ['saving', 2],
] as const) {
  test(`the coordinator gets SIGKILL while ${moment}, and the run is resumed`, async (t) => {
    expected ??= await undisturbed(t);
    const runs = t.testdir();
    const { up, presence } = await startStruck(t, runs, { role: 'up', moment, at, signal: 'SIGKILL' });
    t.equal((await up.ended).signal, 'SIGKILL');
    await presence.none();
    await runWell(t, 'up', '--resume', join(runs, 'disturbed'));
    t.same(resultOf(join(runs, 'disturbed')), expected);
  });
}
