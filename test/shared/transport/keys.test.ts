import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { readKeys, writeKeys } from '../../../src/shared/transport/keys.js';
import { newKeys } from '../../../src/shared/transport/newKeys.js';

test('a key file is private, comes back, and is never written over', async (t) => {
  const file = join(t.testdir(), 'run.key');
  const keys = newKeys();
  writeKeys(file, keys);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.same(readKeys(file), keys);
  t.throws(() => writeKeys(file, newKeys()), { message: `${file}: exists already` });
});

test('what is no key file is said', async (t) => {
  const folder = t.testdir();
  const file = join(folder, 'a.key');
  t.throws(() => readKeys(file), { message: `${file}: no such key file` });
  for (const text of ['', 'x: 1', '{', 'coordinatorPublic: short']) {
    writeFileSync(file, text, { mode: 0o600 });
    t.throws(() => readKeys(file), { message: `${file}: expected a key file as bpnn-dist keygen writes it` });
  }
  chmodSync(file, 0o644);
  t.throws(() => readKeys(file), { message: `${file}: others can read this key file; chmod 600 ${file}` });
});
