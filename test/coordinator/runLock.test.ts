import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { lockRun, unlockRun } from '../../src/coordinator/runLock.js';

test('a run is locked by one process of this machine', async (t) => {
  const folder = t.testdir();
  await lockRun(folder);
  const lock = readFileSync(join(folder, 'lock'), 'utf8');
  t.ok(lock.startsWith(`${process.pid} ${hostname()} `));
  const boot = lock.split(' ')[2] ?? '';
  writeFileSync(join(folder, 'lock'), `${process.ppid} ${hostname()} ${boot}`);
  await t.rejects(lockRun(folder), { message: `${folder}: this run is being trained by process ${process.ppid}; stop that first` });
  writeFileSync(join(folder, 'lock'), `999999999 ${hostname()} ${boot}`);
  await lockRun(folder);
  writeFileSync(join(folder, 'lock'), `${process.ppid} ${hostname()} before-the-power-was-cut`);
  await lockRun(folder);
  unlockRun(folder);
  t.notOk(existsSync(join(folder, 'lock')));
});

test('of one on another machine its status tells whether it lives', async (t) => {
  const folder = t.testdir();
  const lock = join(folder, 'lock');
  const status = join(folder, 'status.json');
  writeFileSync(lock, '7 elsewhere');
  writeFileSync(status, '1');
  let count = 1;
  const writing = setInterval(() => writeFileSync(status, `${++count}`), 5);
  await t.rejects(lockRun(folder, 100), { message: `${folder}: this run is being trained by process 7 on elsewhere; stop that first` });
  clearInterval(writing);
  await lockRun(folder, 20);
  t.ok(readFileSync(lock, 'utf8').startsWith(`${process.pid} ${hostname()} `));
});
