import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { ownCommand, someMnist, startCli } from '../fixtures/cli.js';
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
  stop: (child: ReturnType<typeof spawn>) => unknown,
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
  await stop(child);
  const code = await closed;
  await presence.none();
  return { code, output };
}

function trainIn(runs: string): string[] {
  return ['up', ...someMnist, '--epochs', '1000000', '--workers', '2', '--runs', runs, '--name', 'run'];
}

/** The same as a text for a shell. */
function commandIn(runs: string): string {
  return [process.execPath, cli, ...trainIn(runs)].map((word) => `'${word}'`).join(' ');
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

for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
  test(`${signal} stops as SIGTERM does`, async (t) => {
    const runs = t.testdir();
    const { code, output } = await stopWhenTraining(t, process.execPath, [cli, ...trainIn(runs)], (child) => child.kill(signal));
    t.equal(code, 130);
    t.notMatch(output, /Debugger/);
    checkSaved(t, runs);

    const worker = startCli(t, ['worker', '--connect', 'tcp://127.0.0.1:1', '--grace-period', '0']);
    await worker.line(/./);
    worker.kill(signal);
    t.match(await worker.ended, { code: 130, signal: null });
  });
}

test('a terminal that is closed', async (t) => {
  const runs = t.testdir();
  const { output } = await stopWhenTraining(t, 'script', ['-qec', commandIn(runs), '/dev/null'], (child) => child.kill('SIGKILL'));
  t.match(output, /epoch 1/);
  checkSaved(t, runs);
});

test('under nohup, or with --nohup, a run goes on', async (t) => {
  const folder = t.testdir();
  for (const start of [
    ['sh', '-c', 'trap "" HUP; "$@"; true', 'sh', ...ownCommand, ...trainIn(join(folder, 'under'))],
    [...ownCommand, ...trainIn(join(folder, 'with')), '--nohup'],
  ]) {
    const runs = start[start.indexOf('--runs') + 1] ?? '';
    const [program = '', ...args] = start;
    await stopWhenTraining(t, program, args, async (child) => {
      const { pid } = JSON.parse(readFileSync(join(runs, 'run', 'status.json'), 'utf8'));
      process.kill(pid, 'SIGHUP');
      const epochs = (): number => readFileSync(join(runs, 'run', 'metrics.jsonl'), 'utf8').split('"kind":"epoch"').length;
      const before = epochs();
      while (epochs() < before + 2) await new Promise((resolve) => setImmediate(resolve));
      process.kill(pid, 'SIGTERM');
      child.stdin?.end();
    });
    checkSaved(t, runs);
  }
});

test('SIGTERM to the group of the shell around it: the end of the shell is no second one', async (t) => {
  const runs = t.testdir();
  await stopWhenTraining(t, 'sh', ['-c', `${commandIn(runs)}; true`], (child) => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  });
  checkSaved(t, runs);
});

test('a signal to the shell around it', async (t) => {
  const runs = t.testdir();
  await stopWhenTraining(t, 'sh', ['-c', `${commandIn(runs)}; true`], (child) => child.kill('SIGTERM'));
  checkSaved(t, runs);
});

test('a signal to npm around it', async (t) => {
  const runs = t.testdir();
  await stopWhenTraining(t, 'npm', ['exec', '--offline', '--', process.execPath, cli, ...trainIn(runs)], (child) => child.kill('SIGTERM'));
  checkSaved(t, runs);
});

test('Ctrl-C on a terminal', async (t) => {
  const runs = t.testdir();
  // util-linux's script gives the command a terminal of its own.
  const { output } = await stopWhenTraining(t, 'script', ['-qec', commandIn(runs), '/dev/null'], (child) => child.stdin?.write('\u0003'));
  t.match(output, /stopped after step \d+, with a checkpoint/);
  checkSaved(t, runs);
});
