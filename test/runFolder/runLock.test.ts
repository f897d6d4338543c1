import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { lockRun } from '../../src/runFolder/runLock.js';
import { thisProcess } from '../../src/shared/system/processIdentity.js';

const { boot, namespace } = thisProcess();
const patience = 60;

test('one process holds a run, and its lock goes with it', async (t) => {
  const folder = t.testdir();
  const file = join(folder, 'lock');
  const lock = await lockRun(folder);
  t.ok(readFileSync(file, 'utf8').startsWith(`${process.pid} ${hostname()} ${boot} ${namespace} `));
  const message = `${folder}: this run is being trained by process ${process.pid} on ${hostname()}; stop that first (lock file: ${file})`;
  await t.rejects(lockRun(folder), { name: 'UsageError', message });
  lock.release();
  t.same(readdirSync(folder), []);

  // A number that was used again by a process that started at another time.
  writeFileSync(file, `${process.ppid} ${hostname()} ${boot} ${namespace} 17 some-token`);
  (await lockRun(folder)).release();
  writeFileSync(file, `999999999 ${hostname()} ${boot} ${namespace} 17 some-token`);
  (await lockRun(folder)).release();
  t.notOk(existsSync(file));
});

test('a suspended process keeps its run, and one that has ended but was not reaped does not', async (t) => {
  const folder = t.testdir();
  const file = join(folder, 'lock');
  // The shell never waits for its child.
  const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 99'], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.teardown(() => shell.kill('SIGKILL'));
  const zombie = Number(await new Promise((resolve) => shell.stdout.once('data', resolve)));
  const started = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21] ?? '';
  writeFileSync(file, `${zombie} ${hostname()} ${boot} ${namespace} ${started(zombie)} token`);
  while (!/\) Z /.test(readFileSync(`/proc/${zombie}/stat`, 'utf8'))) await new Promise((resolve) => setImmediate(resolve));
  (await lockRun(folder)).release();

  const pid = shell.pid ?? 0;
  writeFileSync(file, `${pid} ${hostname()} ${boot} ${namespace} ${started(pid)} token`);
  shell.kill('SIGSTOP');
  while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise((resolve) => setImmediate(resolve));
  await t.rejects(lockRun(folder), {
    message: `${folder}: this run is being trained by process ${pid} on ${hostname()}, which is suspended (fg or kill -CONT ${pid} continues it); stop that first (lock file: ${file})`,
  });
});

const elsewhere = {
  'on another machine': `7 elsewhere ${boot} ${namespace} 17 token`,
  'before the machine was started again': `${process.ppid} ${hostname()} before ${namespace} 17 token`,
  'in another container': `${process.pid} ${hostname()} ${boot} pid:[1] 17 token`,
  'of a version that did not note when it started': `${process.ppid} ${hostname()} ${boot}`,
  'whose text is not written yet': '',
};

for (const [place, text] of Object.entries(elsewhere)) {
  test(`of a holder ${place} its status tells whether it lives`, async (t) => {
    const folder = t.testdir();
    const [file, status] = ['lock', 'status.json'].map((name) => join(folder, name)) as [string, string];
    writeFileSync(file, text);
    writeFileSync(status, '1');
    let count = 1;
    const writing = setInterval(() => writeFileSync(status, `${++count}`), 5);
    await t.rejects(lockRun(folder, patience), { name: 'UsageError', message: /is being trained by (process \d+ on|another process)/ });
    clearInterval(writing);
    t.equal(readFileSync(file, 'utf8'), text);
    const lock = await lockRun(folder, patience);
    t.ok(lock.keep());
    t.same(readdirSync(folder).sort(), ['lock', 'status.json']);
    lock.release();
  });
}

test('of many who want the lock of a dead process, one gets it', async (t) => {
  const folder = t.testdir();
  for (const text of [undefined, `999999999 ${hostname()} ${boot} ${namespace} 17 token`, `7 elsewhere ${boot} x 17 token`]) {
    if (text !== undefined) writeFileSync(join(folder, 'lock'), text);
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(folder, 20)));
    const locks = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    t.equal(locks.length, 1);
    t.same(readdirSync(folder), ['lock']);
    locks[0]?.release();
  }
});

test('a lock whose file was removed is made again, and one that another has taken over is lost', async (t) => {
  const folder = t.testdir({ lock: '' });
  const lock = await lockRun(folder, 20);
  writeFileSync(join(folder, 'lock'), 'another');
  t.notOk(lock.keep());
  lock.release();
  t.equal(readFileSync(join(folder, 'lock'), 'utf8'), 'another');
});

test('a lock that cannot be written is named', async (t) => {
  const folder = join(t.testdir(), 'missing');
  await t.rejects(lockRun(folder), { name: 'UsageError', message: `${join(folder, 'lock')}: the run cannot be locked (ENOENT)` });
});
