import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { ownCommand, runCli, startCli } from '../fixtures/cli.js';

/** What `slurm` would submit. `npm run test:cluster` submits it to a real Slurm. */

async function script(t: Test, ...flags: readonly string[]): Promise<string> {
  const folder = t.testdir();
  const { stdout } = await startCli(t, ['slurm', ...flags, '--dry-run'], {}, folder).done();
  t.notOk(existsSync(join(folder, 'runs')), 'nothing is written');
  t.equal(spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' }).stderr, '', 'bash reads it');
  return stdout;
}

const article = join(import.meta.dirname, '../../examples/article.yaml');

test('a training: options of Slurm, and what the user has typed as it was typed', async (t) => {
  const text = await script(
    t,
    ...[
      article,
      '--nodes',
      '4',
      '--gpus-per-node',
      'a100:2',
      '--time',
      '2:00:00',
      '--partition',
      'gpu',
      '--sbatch=--qos=high',
      '--sbatch=--exclusive',
    ],
    ...['--initial-weights', "it's mine.bin", '--no-shuffle', '--epochs', '3', '--runs', 'of mine', '--signal-before', '60'],
  );
  for (const [name, value] of Object.entries({
    nodes: '4',
    'ntasks-per-node': '2',
    'gpus-per-node': 'a100:2',
    time: '2:00:00',
    partition: 'gpu',
    qos: 'high',
    signal: 'B:USR1@60',
    'job-name': 'article',
    output: '"of mine/%x-%j.log"',
  }))
    t.ok(text.includes(`\n#SBATCH --${name}=${value}\n`), name);
  for (const name of ['requeue', 'no-kill', 'exclusive']) t.ok(text.includes(`\n#SBATCH --${name}\n`), name);
  const [, config = ''] = /^config=\((.*)\)$/m.exec(text) ?? [];
  const { stdout } = spawnSync('bash', ['-c', `printf '%s\\n' ${config}`], { encoding: 'utf8' });
  t.same(stdout.trimEnd().split('\n'), [article, '--epochs', '3', '--initial-weights', "it's mine.bin", '--no-shuffle']);
  t.match(text, /^runs='of mine'$/m);
  t.match(text, /^name=\$SLURM_JOB_NAME-\$SLURM_JOB_ID$/m, 'a run of its own for each job');
});

test('what follows from threads and folders', async (t) => {
  const text = await script(t, '--runs', '.', '--threads', '4', '--sbatch=--no-requeue');
  t.match(text, /^runs=\.$/m);
  t.match(text, /^#SBATCH --cpus-per-task=4$/m);
  t.match(text, /^#SBATCH --no-requeue$/m);
  t.notMatch(text, /^#SBATCH --requeue$/m);
});

test('without GPUs there is one worker on each node; a name of the run goes on with that', async (t) => {
  const text = await script(t, '--nodes', '3', '--name', 'mine');
  t.match(text, /^#SBATCH --ntasks-per-node=1$/m);
  t.notMatch(text, /^#SBATCH --(gpus|time)/m);
  t.match(text, /^name=mine$/m);
});

test('an experiment: a job for each cell', async (t) => {
  const text = await script(t, 'scale', '--batch-sizes', '32,128', '--workers', '1,2', '--seeds', '1', '--time', '30:00', '--at-once', '4');
  t.match(text, /^#SBATCH --array=1-8%4$/m);
  t.match(text, /^#SBATCH --cpus-per-task=2$/m);
  t.match(text, /^#SBATCH --time=30:00$/m);
  t.match(text, /^scale=\(--batch-sizes 32,128 --workers 1,2 --seeds 1 --out runs\/scale\)$/m);
  t.match(text, /^#SBATCH --dependency=afterany:JOB$/m);
});

test('what is wrong is said before anything is submitted', async (t) => {
  const refused = async (flags: readonly string[], message: RegExp): Promise<void> => {
    const { code, stderr } = await runCli(t, 'slurm', ...flags, '--dry-run');
    t.equal(code, 2);
    t.match(stderr, message);
  };
  await refused(['--nodes', '0'], /--nodes: expected a whole number of at least 1, got 0/);
  await refused(['--gpus-per-node', 'all'], /--gpus-per-node: expected a number such as 4, or a100:4, got all/);
  await refused(['--sbatch', 'qos=high'], /--sbatch: expected an option such as --sbatch=--qos=high, got qos=high/);
  await refused(['--sbatch', '--time=1:00'], /--sbatch=--time: say it with --time/);
  await refused(['--sbatch', '--gres=gpu:4'], /--sbatch=--gres: say it with --gpus-per-node/);
  await refused(['--time', '2'], /--time 2: expected more than the 120 s before its end in which the run is saved \(--signal-before\)/);
  await refused(['--time', '0-0:02'], /--time 0-0:02: expected more/);
  await refused(['--job-name', 'a/b'], /--job-name: expected letters, digits, or \. _ -, got a\/b/);
  await refused(['--epochs', '-1'], /epochs: expected .* got -1/);
  await refused(['--workers', '4'], /unknown option '--workers'/);
  await refused(['none.yaml'], /none\.yaml: no such config file/);
  const { code, stderr } = await startCli(t, ['slurm'], { PATH: '/nowhere' }, t.testdir()).ended;
  t.equal(code, 1, ownCommand.join(' '));
  t.match(stderr, /^error: there is no sbatch here: type this where jobs are submitted, or see the script with --dry-run\n$/);
});
