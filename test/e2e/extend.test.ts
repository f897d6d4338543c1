import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { runCli, runWell, someMnist } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** A run that is over, and is then given more, comes to the bytes of one that had more from the start. */

const model = (units: number): string =>
  `{ inputShape: [28, 28], layers: [flatten, dense: { units: ${units} }, dense: { units: 10, activation: softmax }] }`;
const small = [...someMnist, '--model', model(16), '--workers', '1', '--shards', '4'];

function checkSame(t: Test, path: string, other: string): void {
  t.same(weightsOf(path), weightsOf(other));
  for (const kind of ['step', 'epoch']) t.same(metricsOf(path, kind), metricsOf(other, kind), `${kind}s without gap or double`);
}

/** Content of every file of a run's folder. */
function contents(path: string): Record<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'latin1')]));
}

const never = ['--epochs', '20', '--early-stopping-min-delta', '9'];
const cases: Readonly<Record<string, { before: string[]; after: string[]; ending: RegExp }>> = {
  // An epoch has 15 steps: the first run ends in the middle of its second.
  steps: { before: ['--steps', '20'], after: ['--steps', '38'], ending: /^all steps are done: / },
  patience: {
    before: [...never, '--early-stopping-patience', '2'],
    after: [...never, '--early-stopping-patience', '4'],
    ending: /^early stopping: valLoss did not improve by more than 9 for 4 epochs \(best: epoch 1, [\d.]+\): 5 epochs, 75 steps in /,
  },
  target: {
    before: ['--epochs', '20', '--target', '50'],
    after: ['--epochs', '20', '--target', '1.2'],
    ending: /^the training loss has reached the target of 1\.2: /,
  },
};

for (const [name, { before, after, ending }] of Object.entries(cases)) {
  test(`more ${name}`, async (t) => {
    const runs = t.testdir();
    const [long, short] = ['long', 'short'].map((run) => join(runs, run)) as [string, string];
    await runWell(t, 'up', ...small, ...after, '--runs', runs, '--name', 'long');
    await runWell(t, 'up', ...small, ...before, '--runs', runs, '--name', 'short');
    t.notSame(weightsOf(short), weightsOf(long));
    const { stdout } = await runWell(t, 'up', '--resume', short, ...after);
    t.match(stdout, ending);
    checkSame(t, short, long);
  });
}

test('more epochs than a schedule is for: it is told of', async (t) => {
  const runs = t.testdir();
  const rate = ['--learning-rate', '{ schedule: cosineDecay, initial: 0.01 }'];
  const first = await runWell(t, 'up', ...small, ...rate, '--epochs', '1', '--runs', runs, '--name', 'run');
  t.notMatch(first.stderr, /learning rate:/);
  const { stderr } = await runWell(t, 'up', '--resume', join(runs, 'run'), '--epochs', '2');
  t.match(stderr, /learning rate: the schedule \(cosineDecay\) is over after 15 of 30 steps, and the rate stays at 0; .*--from RUN/);
});

test('nothing to do: said, exit code 0, and no file is changed', async (t) => {
  const runs = t.testdir();
  const path = join(runs, 'run');
  await runWell(t, 'up', ...small, '--epochs', '3', '--runs', runs, '--name', 'run');
  const before = contents(path);
  const again = async (...flags: string[]): Promise<string> => {
    const { code, stderr, stdout } = await runCli(t, 'up', '--resume', path, ...flags);
    t.equal(code, 0);
    t.equal(stdout, '');
    t.same(contents(path), before);
    return stderr;
  };
  const done = 'the run has done 3 epochs, 45 steps; to train further, give';
  t.equal(await again(), `${path}: nothing to do: all epochs are done; ${done} more --epochs\n`);
  t.equal(await again('--epochs', '2'), `${path}: nothing to do: epochs 2 is past; ${done} more --epochs\n`);
  t.equal(await again('--steps', '44'), `${path}: nothing to do: steps 44 is past; ${done} more --steps\n`);
  const other = await runCli(t, 'up', '--resume', path, '--optimizer', '{ name: adam, epsilon: 0.1 }', '--model', model(17));
  t.match(other, { code: 2 });
  t.match(
    other.stderr,
    /problems\n {2}model\.layers\[\d\]\.dense\.units: the run has 16, got 17\n {2}optimizer\.epsilon: the run has 1e-7, got 0\.1\n/,
  );
});

test("another run's checkpoint among a run's own is skipped, named, and pushes none out", async (t) => {
  const runs = t.testdir();
  const train = (name: string, ...flags: string[]) =>
    runWell(t, 'up', ...small, ...flags, '--checkpoint-keep', '1', '--runs', runs, '--name', name);
  await train('whole', '--epochs', '4');
  await train('own', '--epochs', '2');
  await train('other', '--epochs', '9', '--seed', '2');
  const name = 'step-000000135.checkpoint';
  const path = join(runs, 'own');
  copyFileSync(join(runs, 'other', 'checkpoints', name), join(path, 'checkpoints', name));
  for (const epochs of ['3', '4']) {
    const { stderr } = await runWell(t, 'up', '--resume', path, '--epochs', epochs);
    t.match(stderr, new RegExp(`^skipping ${name}: it is of another run$`, 'm'));
  }
  checkSame(t, path, join(runs, 'whole'));
});
