import { readdirSync, readFileSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { type DurableFs, temporaryMark, writeDurably } from '../../src/shared/durableFile.js';

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
