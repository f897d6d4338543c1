import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { someMnist } from '../fixtures/cli.js';
import { watchPresence } from '../fixtures/presence.js';

/** However the wish to stop reaches a run, it saves, ends, and leaves no process behind. */

const cli = fileURLToPath(import.meta.resolve('#cli'));

interface Stopped {
  readonly code: number | null;
  readonly output: string;
}

/** Starts a command that trains without end, and stops it once it does. */
async function stopWhenTraining(
  t: Test,
  command: string,
  args: readonly string[],
  stop: (child: ReturnType<typeof spawn>) => void,
): Promise<Stopped> {
  const presence = await watchPresence(t);
  const child = spawn(command, args, { stdio: 'pipe', detached: true, env: { ...process.env, ...presence.env } });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  const training = new Promise<void>((resolve, reject) => {
    const hear = (text: Buffer): void => {
      output += text;
      if (/epoch 1\//.test(output)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('close', () => reject(new Error(`ended before it trained:\n${output}`)));
  });
  await training;
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  stop(child);
  const code = await closed;
  await presence.none();
  return { code, output };
}

function trainIn(runs: string): string[] {
  return ['up', ...someMnist, '--epochs', '1000000', '--workers', '2', '--runs', runs, '--name', 'run'];
}

function checkSaved(t: Test, runs: string): void {
  t.ok(readdirSync(join(runs, 'run', 'checkpoints')).length > 0, 'a checkpoint is there');
  t.notOk(existsSync(join(runs, 'run', 'summary.json')), 'and no summary');
  t.notOk(existsSync(join(runs, 'run', 'lock')), 'and no lock');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} to the process`, async (t) => {
    const runs = t.testdir();
    const { code } = await stopWhenTraining(t, process.execPath, [cli, ...trainIn(runs)], (child) => child.kill(signal));
    t.equal(code, 130);
    checkSaved(t, runs);
  });

  test(`${signal} to the whole group`, async (t) => {
    const runs = t.testdir();
    const toGroup = (child: { readonly pid?: number | undefined }): void => {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    };
    const { code } = await stopWhenTraining(t, process.execPath, [cli, ...trainIn(runs)], toGroup);
    t.equal(code, 130);
    checkSaved(t, runs);
  });
}

test('a signal to the shell around it', async (t) => {
  const runs = t.testdir();
  const command = [process.execPath, cli, ...trainIn(runs)].map((word) => `'${word}'`).join(' ');
  await stopWhenTraining(t, 'sh', ['-c', `${command}; true`], (child) => child.kill('SIGTERM'));
  checkSaved(t, runs);
});

test('a signal to npm around it', async (t) => {
  const runs = t.testdir();
  await stopWhenTraining(t, 'npm', ['exec', '--offline', '--', process.execPath, cli, ...trainIn(runs)], (child) => child.kill('SIGTERM'));
  checkSaved(t, runs);
});

test('Ctrl-C on a terminal', async (t) => {
  const runs = t.testdir();
  const command = [process.execPath, cli, ...trainIn(runs)].map((word) => `'${word}'`).join(' ');
  // util-linux's script gives the command a terminal of its own.
  const { output } = await stopWhenTraining(t, 'script', ['-qec', command, '/dev/null'], (child) => child.stdin?.write('\u0003'));
  t.match(output, /stopped after step \d+, with a checkpoint/);
  checkSaved(t, runs);
});
