import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { alone } from '../../../src/data/cache/lock.js';
import { ProcessLock } from '../../../src/shared/files/processLock.js';
import { thisProcess } from '../../../src/shared/system/processIdentity.js';

const { boot, namespace } = thisProcess();

test('whoever waits for another process is told which, and for what', async (t) => {
  const lock = join(t.testdir(), 'lock');
  const held = await ProcessLock.take(lock, async () => false);
  const said: string[] = [];
  let isDone = false;
  const say = (line: string): void => {
    said.push(line);
    isDone = true;
  };
  await alone(
    lock,
    () => isDone,
    async () => void t.fail('it is held'),
    { what: 'converts train.csv', say },
  );
  t.same(said, [`waiting for process ${process.pid} on ${hostname()}, which converts train.csv`]);
  if (held instanceof ProcessLock) held.release();
});

test('the lock of a conversion goes with its process', async (t) => {
  const folder = t.testdir();
  const lock = join(folder, 'lock');
  // In the namespace of a container that was killed and started again, numbers are used anew.
  for (const text of [
    `${process.ppid} ${hostname()} ${boot} ${namespace} 17 token`,
    `999999999 ${hostname()} ${boot} ${namespace} 17 token`,
  ]) {
    writeFileSync(lock, text);
    let isDone = false;
    await alone(
      lock,
      () => isDone,
      async () => {
        isDone = true;
        t.ok(existsSync(lock));
      },
      { what: 'converts train.csv' },
    );
    t.same(readdirSync(folder), []);
  }
});

test('a holder in another container lives as long as it touches its lock', async (t) => {
  const lock = join(t.testdir(), 'lock');
  writeFileSync(lock, `${process.pid} ${hostname()} ${boot} pid:[1] 17 token`);
  const said: string[] = [];
  const say = (line: string): void => {
    said.push(line);
    rmSync(lock);
  };
  let isDone = false;
  await alone(
    lock,
    () => isDone,
    async () => {
      isDone = true;
    },
    { what: 'converts train.csv', say },
  );
  t.same(said, [`waiting for process ${process.pid} on ${hostname()}, which converts train.csv`]);
});
