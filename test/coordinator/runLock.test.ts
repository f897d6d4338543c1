import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { lockRun, unlockRun } from '../../src/coordinator/runLock.js';

test('a run is locked by one process of this machine', async (t) => {
  const folder = t.testdir();
  await lockRun(folder);
  t.equal(readFileSync(join(folder, 'lock'), 'utf8'), `${process.pid} ${hostname()}`);
  writeFileSync(join(folder, 'lock'), `${process.ppid} ${hostname()}`);
  await t.rejects(lockRun(folder), { message: `${folder}: this run is being trained by process ${process.ppid}; stop that first` });
  writeFileSync(join(folder, 'lock'), `999999999 ${hostname()}`);
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
  t.equal(readFileSync(lock, 'utf8'), `${process.pid} ${hostname()}`);
});
