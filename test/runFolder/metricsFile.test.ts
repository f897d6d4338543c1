import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { MetricsFile, restoreMetrics } from '../../src/runFolder/metricsFile.js';

const lines = [7, 8, 9].map((step) => `{"kind":"step","epoch":0,"step":${step},"loss":0.5}\n`);
const text = lines.join('');
const [first = '', second = ''] = lines;

test('metrics are cut to what a checkpoint vouches for', async (t) => {
  const file = join(t.testdir({ m: `${text}{"kind":"st` }), 'm');
  t.equal(restoreMetrics(file, text.length), undefined);
  t.equal(readFileSync(file, 'utf8'), text);
  t.equal(restoreMetrics(file, first.length), undefined);
  t.equal(readFileSync(file, 'utf8'), first);
  t.equal(restoreMetrics(file, 0), undefined);
  t.equal(readFileSync(file, 'utf8'), '');
});

test('a file that is shorter, torn or zeroed is cut after its last whole line, and that is reported', async (t) => {
  const file = join(t.testdir(), 'm');
  const report = (kept: number, step: string): string =>
    `${file}: expected ${text.length} bytes at the checkpoint, got ${kept} with whole lines; the metrics${step} up to this resume are lost`;
  const shortened: Readonly<Record<string, (end: number) => void>> = {
    torn: (end) => truncateSync(file, end),
    zeroed: (end) => writeFileSync(file, `${text.slice(0, end)}${'\0'.repeat(text.length - end)}`),
    'zeroed, with more behind': (end) => writeFileSync(file, `${text.slice(0, end)}${'\0'.repeat(70_000)}`),
  };
  for (const [what, shorten] of Object.entries(shortened)) {
    writeFileSync(file, text);
    shorten(first.length + second.length + 5);
    t.equal(restoreMetrics(file, text.length), report(first.length + second.length, ' after step 8'), what);
    t.equal(readFileSync(file, 'utf8'), first + second);
    writeFileSync(file, text);
    shorten(5);
    t.equal(restoreMetrics(file, text.length), report(0, ''));
    t.equal(readFileSync(file, 'utf8'), '');
  }
  rmSync(file);
  t.equal(restoreMetrics(file, 5), `${file}: the file is gone; the metrics of all steps before this resume are lost`);
  t.equal(restoreMetrics(file, 0), undefined);
  t.notOk(existsSync(file));
});

test('a last line that is longer than the part that is looked at first', async (t) => {
  const file = join(t.testdir({ m: `${first}${'x'.repeat(200_000)}` }), 'm');
  t.match(restoreMetrics(file, 200_000), /after step 7 /);
  t.equal(readFileSync(file, 'utf8'), first);
});

test('lines wait until they are flushed', async (t) => {
  const file = join(t.testdir(), 'm');
  const troubles: unknown[] = [];
  const metrics = new MetricsFile(file, (trouble) => troubles.push(trouble));
  metrics.add({ a: 1 });
  metrics.add({ a: Number.NaN });
  t.ok(metrics.flush());
  await metrics.sync();
  t.equal(metrics.bytes, readFileSync(file).length);
  metrics.close();
  t.equal(readFileSync(file, 'utf8'), '{"a":1}\n{"a":"NaN"}\n');
  t.same([...new Set(troubles)], [undefined]);
});
