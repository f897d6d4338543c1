import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { runWell, someMnist } from '../fixtures/cli.js';

interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly pid: number;
}

const config = [...someMnist, '--model', '784-16-10', '--workers', '2', '--shards', '4', '--name', 'run'] as const;

function read(file: string): TraceEvent[] {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function spansOf(trace: readonly TraceEvent[], name: string): Span[] {
  return trace.filter((event) => event.name === name).map(({ pid, ts = 0, dur = 0 }) => ({ pid, from: ts, to: ts + dur }));
}

/** Microseconds by which a time may be rounded. */
const rounding = 0.01;

function isInside({ from, to }: Span, outer: readonly Span[]): boolean {
  return outer.some((span) => span.from - rounding <= from && to <= span.to + rounding);
}

for (const transport of ['shm', 'socket']) {
  test(`coordinator and workers on one time axis, ${transport}`, async (t) => {
    const runs = t.testdir();
    await runWell(t, 'up', ...config, '--epochs', '2', '--runs', runs, '--transport', transport, '--trace');
    const trace = read(join(runs, 'run', 'trace.json'));
    t.same(
      trace
        .filter(({ name }) => name === 'process_name')
        .map(({ args }) => String(args?.['name']).replace(/ \(.*/, ''))
        .sort(),
      ['coordinator', 'worker 0', 'worker 1'],
    );
    t.same(
      trace.filter(({ name }) => name === 'step').map(({ args }) => args?.['step']),
      Array.from({ length: 30 }, (_, i) => i),
    );
    const gradients = spansOf(trace, 'gradient');
    const waits = spansOf(trace, 'gradients');
    t.ok(gradients.length >= 60);
    t.same(
      gradients.filter((span) => !isInside(span, waits)),
      [],
      'nothing is computed but while it is waited for',
    );
    t.same(
      spansOf(trace, 'evaluation').filter((span) => !isInside(span, [...spansOf(trace, 'validation'), ...spansOf(trace, 'test')])),
      [],
    );
    for (const name of ['add', 'optimizer', 'checkpoint', 'save best', 'save final']) t.ok(spansOf(trace, name).length > 0, name);
    t.equal(new Set(gradients.map(({ pid }) => pid)).size, 2);
  });
}

test('some steps of a run, and of one that is gone on with', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--epochs', '1', '--runs', runs, '--trace', '5-9');
  const stepsIn = (file: string): unknown[] =>
    read(join(runs, 'run', file)).flatMap(({ name, args }) => (name === 'step' ? [args?.['step']] : []));
  t.same(stepsIn('trace.json'), [5, 6, 7, 8, 9]);
  await runWell(t, 'up', '--resume', 'run', '--runs', runs, '--epochs', '2', '--trace', '3');
  t.same(stepsIn('trace-15.json'), [15, 16, 17]);
  t.same(stepsIn('trace.json'), [5, 6, 7, 8, 9], 'the first is as it was');
});

test('no trace unless asked for', async (t) => {
  const runs = t.testdir();
  await runWell(t, 'up', ...config, '--epochs', '1', '--runs', runs);
  t.notOk(existsSync(join(runs, 'run', 'trace.json')));
});
