import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import { type Cli, runWell, someMnist, startCli } from '../fixtures/cli.js';
import { type Coordinator, startCoordinator } from '../fixtures/coordinator.js';
import { type Presence, watchPresence } from '../fixtures/presence.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** A tree of real aggregators and workers, whole and with one that falls. */

const eight = [...someMnist, '--epochs', '2', '--shards', '8', '--seed', '5'] as const;
/** Their engine is known before the first worker has come, so that aggregators let in at once. */
const known = ['--engine', 'reference', '--model', '784-4-10'] as const;
const preload = `--import=${new URL('../fixtures/strike.mjs', import.meta.url).href}`;

interface Tree {
  readonly coordinator: Cli;
  readonly aggregators: readonly Cli[];
  readonly workers: readonly Cli[];
  readonly presence: Presence;
  /** Where the coordinator listens. */
  readonly address: string;
  /** Folder of its run. */
  readonly path: string;
}

/** Starts aggregators one after the other, the first of which a strike may hit, and workers once all let in. */
async function startTree(
  t: Test,
  counts: { readonly aggregators: number; readonly workers: number },
  flags: readonly string[],
  strike?: { readonly moment: string; readonly at: number; readonly signal: NodeJS.Signals },
): Promise<Tree> {
  const runs = t.testdir();
  const presence = await watchPresence(t);
  const tree = ['--topology', 'tree', '--workers', String(counts.workers), '--runs', runs, '--name', 'tree'];
  const started: Coordinator = await startCoordinator(t, ...eight, ...known, ...tree, ...flags);
  const { coordinator, address, key } = started;
  const aggregators: Cli[] = [];
  for (let i = 0; i < counts.aggregators; i++) {
    const struck = i === 0 && strike;
    const options = `${presence.env['NODE_OPTIONS']} ${struck ? preload : ''}`;
    const env = struck ? { STRIKE: JSON.stringify({ role: 'aggregator', ...strike, marker: join(runs, 'struck') }) } : {};
    aggregators.push(
      startCli(t, ['aggregator', '--connect', address, '--key', key, '--reconnect-timeout', '20'], {
        ...presence.env,
        ...env,
        NODE_OPTIONS: options,
      }),
    );
    await coordinator.line(new RegExp(`^aggregator ${i} lets workers in`));
  }
  const workers = Array.from({ length: counts.workers }, () =>
    startCli(t, [...started.worker, '--data-root', '/', '--reconnect-timeout', '20'], presence.env),
  );
  return { coordinator, aggregators, workers, presence, address, path: join(runs, 'tree') };
}

/** What a run of one worker, beside the tree's, comes to. */
async function alone(t: Test, tree: string, ...flags: readonly string[]): Promise<unknown> {
  const runs = dirname(tree);
  await runWell(t, 'up', ...eight, ...known, ...flags, '--workers', '1', '--runs', runs, '--name', 'alone');
  return figuresOf(join(runs, 'alone'));
}

function figuresOf(path: string): unknown {
  return [weightsOf(path), metricsOf(path, 'step'), metricsOf(path, 'epoch')];
}

test('eight workers below four aggregators in two levels: the same bytes, and the coordinator hears only its children', async (t) => {
  const { coordinator, aggregators, workers, presence, path } = await startTree(t, { aggregators: 4, workers: 8 }, [
    ...['--fan-in', '2', '--trace', '10-29'],
  ]);
  const { stderr } = await coordinator.done();
  t.match(stderr, /^aggregator 2 lets workers in \(pid \d+ on \S+, below aggregator [01]\)$/m);
  t.match(stderr, /^worker 7 is ready: .*, below an aggregator\)$/m);
  t.notMatch(stderr, /gone|lost/, 'the end of a run is no loss');
  for (const process of [...aggregators, ...workers]) await process.done();
  await presence.none();
  t.same(figuresOf(path), await alone(t, path));
  const trace: { name: string; ph: string; pid: number; args?: { name?: string } }[] = JSON.parse(
    readFileSync(join(path, 'trace.json'), 'utf8'),
  );
  const gradients = trace.filter(({ name }) => name === 'gradient');
  t.equal(gradients.length, 2 * 20, 'in each of twenty steps, one message from each of two children');
  const names = new Map(trace.filter(({ name }) => name === 'process_name').map(({ pid, args }) => [pid, args?.name]));
  for (const { pid } of gradients) t.match(names.get(pid), /^aggregator [01]/);
  const summary = JSON.parse(readFileSync(join(path, 'summary.json'), 'utf8'));
  t.same(
    summary.workers.map(({ name }: { name: string }) => name),
    [0, 1, 2, 3, 4, 5, 6, 7].map((number) => `worker ${number}`),
  );
  for (const { name, computeSeconds } of summary.workers) t.ok(computeSeconds > 0, `${name} is known to have computed`);
});

for (const [moment, at, signal, transport, epochs] of [
  ['computing', 12, 'SIGKILL', 'auto', '30'],
  ['reducing', 30, 'SIGKILL', 'socket', '30'],
  // Its workers find out by heartbeats, after five seconds.
  ['computing', 12, 'SIGSTOP', 'auto', '80'],
] as const) {
  test(`an aggregator that gets ${signal} while ${moment}, ${transport}: its workers go to a living one, the same bytes`, async (t) => {
    const strike = { moment, at, signal };
    const { coordinator, aggregators, workers, path } = await startTree(
      t,
      { aggregators: 2, workers: 4 },
      ['--epochs', epochs, '--transport', transport, '--step-timeout', '2'],
      strike,
    );
    await coordinator.line(/^aggregator 0 \(pid \d+ on \S+\) (the connection is lost|has not answered within 2 s)/);
    const { stderr } = await coordinator.done();
    t.match(stderr, /^worker \d its aggregator 0 is gone$/m);
    t.match(
      stderr.slice(stderr.indexOf('its aggregator 0 is gone')),
      /^worker \d is ready: .*, below an aggregator\)$/m,
      'a worker has come back',
    );
    for (const process of workers) await process.done();
    aggregators[0]?.kill('SIGKILL');
    await aggregators[1]?.done();
    t.same(figuresOf(path), await alone(t, path, '--epochs', epochs));
  });
}

test('a worker below an aggregator is killed, then the coordinator, and resumed: all come back, the same bytes', async (t) => {
  const flags = ['--epochs', '30', '--checkpoint-every', '5'];
  const { coordinator, aggregators, workers, presence, address, path } = await startTree(t, { aggregators: 2, workers: 4 }, flags);
  await coordinator.line(/^epoch 1\//);
  workers[0]?.kill('SIGKILL');
  await coordinator.line(/^worker \d the connection is lost$/);
  await coordinator.line(/^epoch 4\//);
  coordinator.kill('SIGKILL');
  await coordinator.ended;
  const resumed = startCli(t, ['coordinator', '--resume', path, '--bind', address, '--start-timeout', '2'], presence.env);
  const { stderr } = await resumed.done();
  t.equal(stderr.match(/^aggregator \d lets workers in/gm)?.length, 2);
  t.equal(stderr.match(/^worker \d is ready: .*, below an aggregator\)$/gm)?.length, 3);
  for (const process of [...aggregators, ...workers.slice(1)]) await process.done();
  await presence.none();
  t.same(figuresOf(path), await alone(t, path, ...flags));
});
