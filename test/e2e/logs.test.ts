import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { runCli, runWell, someMnist } from '../fixtures/cli.js';

const config = [...someMnist, '--model', '784-16-10', '--workers', '1', '--epochs', '1', '--name', 'run'] as const;

function linesOf(text: string): Readonly<Record<string, unknown>>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('every line is JSON, of coordinator and workers', async (t) => {
  const runs = t.testdir();
  const { stderr } = await runWell(t, 'up', ...config, '--runs', runs, '--log-format', 'json');
  const lines = linesOf(stderr);
  t.same(
    lines.map(({ message }) => message).filter((message) => !String(message).startsWith('worker')),
    ['listening', 'start', 'epoch'],
  );
  for (const { time, source } of lines) {
    t.ok(Number.isFinite(Date.parse(String(time))));
    t.equal(source, 'coordinator');
  }
  t.match(
    lines.find(({ message }) => message === 'epoch'),
    { epoch: 0, loss: Number, valLoss: Number },
  );
  const log = (name: string): string => readFileSync(join(runs, 'run', 'log', name), 'utf8');
  t.match(linesOf(log('worker-0.log')), [{ source: 'worker 0', message: /^ready: / }]);
  t.match(linesOf(log('coordinator.log')), [{ source: 'coordinator', message: /^worker 0 is ready/, worker: 'worker 0', event: 'ready' }]);
});

test('lines for a person say when, and who', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--runs', runs);
  const log = (name: string): string => readFileSync(join(runs, 'run', 'log', name), 'utf8');
  t.match(log('worker-0.log'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[worker 0\] ready: /);
  t.match(log('coordinator.log'), /^\S+Z \[coordinator\] worker 0 is ready: /);
});

test('an error is a line too', async (t) => {
  const { code, stderr } = await runCli(t, 'up', '--log-format', 'json', '--batch-size', '0');
  t.equal(code, 2);
  t.match(linesOf(stderr), [{ message: /^error: .*batchSize/s }]);
});

test('a format that does not exist', async (t) => {
  const { code, stderr } = await runCli(t, 'up', '--log-format', 'xml');
  t.equal(code, 2);
  t.match(stderr, /Allowed choices are human, json/);
});
