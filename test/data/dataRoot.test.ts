import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { underRoot } from '../../src/data/dataRoot.js';

test('names begin at the root', (t) => {
  const root = t.testdir({ 'x.npy': '', 'y.npy': '' });
  const pair = { x: 'x.npy', y: 'y.npy' };
  const full = { x: join(root, 'x.npy'), y: join(root, 'y.npy') };
  t.same(underRoot({ ...pair, take: 3, test: pair, validation: pair }, root, []), { ...full, take: 3, test: full, validation: full });
  t.same(underRoot(full, root, []), full, 'whole paths within it are what they are');
  t.same(underRoot(full, '/', undefined), full);
  t.same(underRoot({ x: 'later.npy', y: '..y.npy' }, root, []), { x: join(root, 'later.npy'), y: join(root, '..y.npy') });
  t.same(underRoot({ name: 'mnist' }, root, []), { name: 'mnist' });
  t.end();
});

test('the root may be reached by a link, and what is missing is for its reader to say', (t) => {
  const folder = t.testdir({ root: { 'x.npy': '' } });
  symlinkSync('root', join(folder, 'link'));
  const named = { x: join(folder, 'link', 'x.npy'), y: join(folder, 'root', 'missing', 'y.npy') };
  t.same(underRoot(named, join(folder, 'root'), []), named);
  t.same(underRoot(named, join(folder, 'link'), []), named);
  t.end();
});

test('no name leads out of it', (t) => {
  const folder = t.testdir({ root: { 'y.npy': '' }, other: { 'x.npy': '' }, 'root-2': { 'x.npy': '' } });
  const root = join(folder, 'root');
  symlinkSync('../other', join(root, 'link'));
  const names = [
    '../other/x.npy',
    join(folder, 'other/x.npy'),
    '/etc/passwd',
    'link/x.npy',
    '..',
    join(folder, 'root-2/x.npy'),
    'a/../../x.npy',
  ];
  for (const name of names) {
    const message = `${name}: lies outside ${root}, the only folder that this worker opens data in; start it with --data-root FOLDER that holds the run's data`;
    t.throws(() => underRoot({ x: name, y: 'y.npy' }, root, []), { name: 'DataError', message });
    t.throws(() => underRoot({ x: 'x.npy', y: 'y.npy', test: { x: 'x.npy', y: name } }, root, []), { message });
  }
  t.end();
});
