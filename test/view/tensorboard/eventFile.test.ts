import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'tap';
import { EventFile } from '../../../src/view/tensorboard/eventFile.js';

/** Seconds since 1970 of a file's first event: behind its length, its checksum and the tag of wall_time. */
const firstTime = (path: string): number => readFileSync(path).readDoubleLE(13);

test('a new event file sorts last, and its times go on, where the clock is behind', async (t) => {
  const folder = t.testdir();
  const now = Math.floor(Date.now() / 1_000);
  const later = now + 7_200;
  writeFileSync(join(folder, `events.out.tfevents.${later}.zzz.1`), '');
  const first = new EventFile(folder, 100);
  first.close();
  t.equal(readdirSync(folder).sort().at(-1), basename(first.path));
  t.ok(firstTime(first.path) > later);
  const second = new EventFile(folder, 100);
  second.close();
  t.equal(readdirSync(folder).sort().at(-1), basename(second.path), 'also within the same second');
  utimesSync(first.path, now, now + 10_000);
  const third = new EventFile(folder, 100);
  third.close();
  t.ok(firstTime(third.path) > now + 10_000, 'after all that was written');
});

test('by this clock where it is ahead', async (t) => {
  const folder = t.testdir({ 'events.out.tfevents.5.host.1': '' });
  utimesSync(join(folder, 'events.out.tfevents.5.host.1'), 5, 5);
  const before = Date.now() / 1_000;
  const file = new EventFile(folder, 0);
  file.close();
  t.ok(firstTime(file.path) >= before && firstTime(file.path) <= Date.now() / 1_000);
});
