import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { ownCommand, runCli, runWell, startCli, startProgram } from '../fixtures/cli.js';
import { watchPresence } from '../fixtures/presence.js';
import { floats, writeRun, writeWeights } from '../inference/runs.js';

/** Predictions by several processes. */

const rows = 4 * 512 + 300;
const width = 3;

/** A run and more samples than three processes are sent at once, as an array and as a table. */
async function runWithFiles(t: Test): Promise<{ readonly run: string; readonly array: string; readonly table: string }> {
  const run = t.testdir();
  const spec = writeRun(run, { model: `${width}-5-4`, engine: 'auto' });
  await writeWeights(
    join(run, 'best'),
    spec,
    Array.from({ length: (width + 1) * 5 + 6 * 4 }, (_, i) => Math.sin(i + 1)),
  );
  const samples = Array.from({ length: rows }, (_, row) => Array.from({ length: width }, (_, i) => Math.fround(Math.sin(row * width + i))));
  const [array, table] = [join(run, 'samples.npy'), join(run, 'samples.csv')];
  writeFileSync(array, floats([rows, width], samples.flat()));
  writeFileSync(table, `a,b,c\n${samples.map((sample) => sample.join(',')).join('\n')}\n`);
  return { run, array, table };
}

/** Loads `code` into every process that computes predictions for another. */
function inPredictors({ NODE_OPTIONS = '', ...env }: NodeJS.ProcessEnv, code: string): NodeJS.ProcessEnv {
  const preload = `if (process.argv[1].endsWith('predictor.js')) { const send = process.send.bind(process); ${code} }`;
  return { ...env, NODE_OPTIONS: `${NODE_OPTIONS} --import=data:text/javascript,${encodeURIComponent(preload)}` };
}

test('the same bytes from one process and from three, in the order of the file', async (t) => {
  const { run, array, table } = await runWithFiles(t);
  for (const file of [array, table]) {
    const [one, three] = await Promise.all(['1', '3'].map((workers) => runWell(t, 'predict', run, file, '--json', '--workers', workers)));
    t.equal(three?.stdout, one?.stdout);
    const samples = one?.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).sample);
    t.same(samples, [...Array(rows).keys()]);
  }
});

test('a row that cannot be read is told after the predictions of those before it, as by one process', async (t) => {
  const { run } = await runWithFiles(t);
  // Tables are read 16 MB at a time, and only the second of these has the bad row.
  const row = `${`0.5${'0'.repeat(2_000)},`.repeat(width).slice(0, -1)}\n`;
  const count = Math.ceil(2 ** 24 / row.length) + 1;
  const table = join(run, 'bad.csv');
  writeFileSync(table, `a,b,c\n${row.repeat(count)}1,2,x\n`);
  const [one, three] = await Promise.all(['1', '3'].map((workers) => runCli(t, 'predict', run, table, '--workers', workers)));
  t.match(three?.stderr, /^error: .*bad.csv, line \d+, column c: .* got "x"\n$/);
  t.ok((three?.stdout.length ?? 0) > 0);
  t.same(three, one);
});

test('a process that dies ends the command with what was predicted before, and leaves none of the others', async (t) => {
  const { run, array } = await runWithFiles(t);
  const presence = await watchPresence(t);
  const dies = `let given = 0;
    process.send = (answer, ...rest) => answer.kind === 'predicted' && ++given === 2 ? process.kill(process.pid, 'SIGKILL') : send(answer, ...rest);`;
  const predict = startCli(t, ['predict', run, array, '--workers', '2'], inPredictors(presence.env, dies));
  const { code, stdout, stderr } = await predict.ended;
  t.equal(code, 1);
  t.match(
    stderr,
    /^error: a process that predicts \(pid \d+\) was killed by SIGKILL: start again, with fewer workers if memory is short\n$/,
  );
  t.equal(stdout.split('\n').length - 1, 2 * 512, 'each has computed one batch');
  await presence.none();
});

test('a process that cannot compute says why', async (t) => {
  const { run, array } = await runWithFiles(t);
  const other = `process.send = (answer, ...rest) => send(answer.kind === 'opened' ? { kind: 'opened', engine: { ...answer.engine, library: 'another 1' } } : answer, ...rest);`;
  const { code, stderr } = await startCli(t, ['predict', run, array, '--workers', '2'], inPredictors({}, other)).ended;
  t.equal(code, 1);
  t.match(
    stderr,
    /^error: expected a process that predicts to compute with \S+ \(cpu, .+\), got \S+ \(cpu, another 1\): do without --workers\n$/,
  );
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} leaves no process`, async (t) => {
    const { run, array } = await runWithFiles(t);
    const presence = await watchPresence(t);
    const hangs = `process.send = (answer, ...rest) => answer.kind === 'predicted' || send(answer, ...rest);`;
    const predict = startCli(t, ['predict', run, array, '--workers', '2'], inPredictors(presence.env, hangs));
    await presence.atLeast(3);
    predict.kill(signal);
    t.equal((await predict.ended).signal, signal);
    await presence.none();
  });
}

test('neither does whoever has read enough', async (t) => {
  const { run, array } = await runWithFiles(t);
  const presence = await watchPresence(t);
  const quoted = [...ownCommand, 'predict', run, array, '--json', '--workers', '3'].map((word) => `'${word}'`).join(' ');
  const { code, stdout, stderr } = await startProgram(t, ['sh', '-c', `${quoted} | head -1`], presence.env).ended;
  t.equal(code, 0);
  t.match(stdout, /^\{"sample":0,.*\}\n$/);
  t.equal(stderr, '');
  await presence.none();
});

test('bad numbers of processes are refused', async (t) => {
  for (const workers of ['0', 'x', '1.5']) {
    const { code, stdout, stderr } = await runCli(t, 'predict', 'run', 'samples.npy', '--workers', workers);
    t.equal(code, 2);
    t.equal(stderr, `error: --workers: expected a whole number of at least 1, got ${workers}\n`);
    t.equal(stdout, '');
  }
});
