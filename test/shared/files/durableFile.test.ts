import { readdirSync, readFileSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { type DurableFs, temporaryMark, writeDurably } from '../../../src/shared/files/durableFile.js';

const bytes = (text: string): Uint8Array[] => [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))];

/** A file system that is killed at its n-th call: from then on nothing happens any more. */
function killedAt(n: number): { fs: DurableFs; calls: () => number } {
  let calls = 0;
  const step = async <T>(run: () => Promise<T>): Promise<T> => {
    if (calls++ >= n) throw new Error('killed');
    return run();
  };
  const wrap = (file: FileHandle): FileHandle =>
    new Proxy(file, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        const run = (...args: unknown[]): Promise<unknown> => value.apply(target, args) as Promise<unknown>;
        // A dead process closes its files.
        return name === 'close' ? run : (...args: unknown[]) => step(() => run(...args));
      },
    });
  const fs = {
    open: (...args: Parameters<typeof open>) => step(async () => wrap(await open(...args))),
    rename: (...args: Parameters<typeof rename>) => step(() => rename(...args)),
    rm: (...args: Parameters<typeof rm>) => step(() => rm(...args)),
  };
  return { fs, calls: () => calls };
}

test('killed at any call, the name holds the old file or the new one, whole', async (t) => {
  const whole = killedAt(Number.POSITIVE_INFINITY);
  await writeDurably(join(t.testdir(), 'file'), bytes('new content'), whole.fs);
  const seen = new Set<string>();
  for (let n = 0; n < whole.calls(); n++) {
    const folder = t.testdir({ file: 'old content' });
    await t.rejects(writeDurably(join(folder, 'file'), bytes('new content'), killedAt(n).fs), { message: 'killed' });
    seen.add(readFileSync(join(folder, 'file'), 'utf8'));
    t.ok(
      readdirSync(folder).every((name) => name === 'file' || name.includes(temporaryMark)),
      `killed at call ${n}`,
    );
  }
  t.same([...seen].sort(), ['new content', 'old content']);
});

test('an error leaves the old file and nothing else', async (t) => {
  const folder = t.testdir({ file: 'old' });
  const fs = { open, rm, rename: () => Promise.reject(new Error('no space')) };
  await t.rejects(writeDurably(join(folder, 'file'), bytes('new'), fs), { message: 'no space' });
  t.same(readdirSync(folder), ['file']);
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'old');
});

/** A file system whose fsync of a folder, or of a file, answers with an error. */
function failing(code: string, which: 'folder' | 'file' | 'opening a folder'): DurableFs {
  const failure = (): never => {
    throw Object.assign(new Error(code), { code });
  };
  return {
    ...{ rename, rm },
    async open(path, flags) {
      const isFolder = !String(path).includes(temporaryMark);
      if (isFolder && which === 'opening a folder') failure();
      const file = await open(path, flags);
      if (which === (isFolder ? 'folder' : 'file')) file.sync = async () => failure();
      return file;
    },
  };
}

test('a file system that cannot flush a folder is no failure, one that cannot keep a file is', async (t) => {
  const folder = t.testdir();
  for (const [code, which] of [
    ['EINVAL', 'folder'],
    ['ENOTSUP', 'folder'],
    ['EACCES', 'opening a folder'],
  ] as const) {
    await writeDurably(join(folder, code), bytes('content'), failing(code, which));
    t.equal(readFileSync(join(folder, code), 'utf8'), 'content');
  }
  for (const [code, which] of [
    ['EIO', 'folder'],
    ['EIO', 'opening a folder'],
    ['EIO', 'file'],
    ['EINVAL', 'file'],
    ['ENOTSUP', 'file'],
  ] as const)
    await t.rejects(writeDurably(join(folder, 'file'), bytes('content'), failing(code, which)), { code });
});
