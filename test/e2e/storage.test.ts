import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { runWell, someMnist } from '../fixtures/cli.js';
import { checkpointsOf, weightsOf } from '../fixtures/runFolder.js';

const main = fileURLToPath(import.meta.resolve('#cli'));

test('a disk that is full: the run says so, goes on, and its files are whole', {
  skip: process.platform !== 'linux' && 'needs a tmpfs',
}, async (t) => {
  const folder = t.testdir({ disk: {} });
  const disk = join(folder, 'disk');
  // Room for the config, some metrics and a checkpoint of 1.2 MB, in a namespace of mounts of its own.
  const script = `mount -t tmpfs -o size=3m none "$1" && shift && "$@"; code=$?; cp -r "$DISK/run" "$COPY"; exit $code`;
  const flags = [...someMnist, '--epochs', '4', '--workers', '2', '--shards', '4', '--runs', disk, '--name', 'run'];
  const child = spawn(
    'unshare',
    ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', disk, process.execPath, main, 'up', ...flags],
    {
      env: { ...process.env, DISK: disk, COPY: join(folder, 'copy') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  t.teardown(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  t.match(stderr, /no space left on device/i);
  t.match(stderr, /^epoch 4\/4 /m, 'it went on to the end');
  t.equal(code, 1, 'without its final model a run has failed');
  const copy = join(folder, 'copy');
  t.ok(checkpointsOf(copy).length >= 1, 'every checkpoint there is can be read');
  mkdirSync(join(folder, 'roomy'));
  cpSync(copy, join(folder, 'roomy', 'run'), { recursive: true });
  await runWell(t, 'up', '--resume', join(folder, 'roomy', 'run'));
  await runWell(t, 'up', ...flags.slice(0, -4), '--runs', join(folder, 'roomy'), '--name', 'undisturbed');
  t.same(weightsOf(join(folder, 'roomy', 'run')), weightsOf(join(folder, 'roomy', 'undisturbed')), 'a resume with room gives the same');
});
