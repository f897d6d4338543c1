import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { cacheFolder, homeFolder } from '../../../src/shared/files/home.js';
import { makeTemporaryFolder } from '../../../src/shared/files/temporaryFolder.js';

const before = { ...process.env };

function withEnvironment(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries({
    HOME: undefined,
    XDG_CACHE_HOME: undefined,
    XDG_DATA_HOME: undefined,
    BPNN_DIST_HOME: undefined,
    ...values,
  })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

test('the folders of a user', async (t) => {
  const home = t.testdir();
  t.teardown(() => withEnvironment(before));
  withEnvironment({ HOME: home });
  t.equal(cacheFolder(), join(home, '.cache', 'bpnn-dist'));
  t.equal(homeFolder(), join(home, '.local', 'share', 'bpnn-dist'));
  withEnvironment({ HOME: home, XDG_CACHE_HOME: join(home, 'c'), XDG_DATA_HOME: join(home, 'd') });
  t.equal(cacheFolder(), join(home, 'c', 'bpnn-dist'));
  t.equal(homeFolder(), join(home, 'd', 'bpnn-dist'));
  t.notOk(existsSync(join(home, 'c')), 'asking makes nothing');
  withEnvironment({ HOME: home, XDG_CACHE_HOME: 'relative' });
  t.equal(cacheFolder(), join(home, '.cache', 'bpnn-dist'), 'a relative path counts for nothing (XDG base directories)');
});

test('a home that cannot be written', async (t) => {
  const folder = t.testdir({ file: '' });
  t.teardown(() => withEnvironment(before));
  // Nothing can be made below a file, even by root.
  withEnvironment({ HOME: join(folder, 'file'), TMPDIR: folder });
  const cache = cacheFolder();
  t.equal(cache, join(folder, `bpnn-dist-${process.getuid?.()}`, 'cache'));
  t.equal(statSync(join(cache, '..')).mode & 0o777, 0o700);
  t.equal(cacheFolder(), cache);
});

test('a temporary folder', async (t) => {
  t.teardown(() => withEnvironment(before));
  const folder = t.testdir();
  const said: string[] = [];
  const make = (TMPDIR: string, longest?: number): string => {
    withEnvironment({ ...before, TMPDIR });
    return makeTemporaryFolder({ name: 'hub', say: (line) => said.push(line), ...(longest !== undefined && { longest }) });
  };
  t.ok(make(folder).startsWith(`${folder}/bpnn-`));
  t.same(said, []);
  const long = join(folder, 'x'.repeat(123));
  mkdirSync(long);
  t.ok(make(long).startsWith(long), 'a long path is good for files');
  t.match(make(long, 107), /^\/(var\/)?tmp\/bpnn-/);
  t.equal(said.pop(), `TMPDIR=${long}: the path of a socket in it has ${long.length + 16} bytes, expected at most 107; using /tmp`);
  make(long, 107);
  t.same(said, [], 'told once');
  t.match(make(join(folder, 'missing')), /^\/tmp\/bpnn-/);
  t.equal(said.pop(), `TMPDIR=${join(folder, 'missing')}: ENOENT; using /tmp`);
  process.chdir(folder);
  mkdirSync('relative');
  t.ok(make('relative').startsWith(join(folder, 'relative', 'bpnn-')), 'its path is absolute');
  chmodSync(long, 0o755);
});
