import { resolve } from 'node:path';
import { test } from 'tap';
import { pathsFrom } from '../../src/run/configPaths.js';

test("a config's paths begin at a folder: those of arrays with their weights and groups, of models, and of runs", (t) => {
  const pair = { x: 'x.npy', sampleWeights: 'w.npz#w' };
  const config = { data: { ...pair, y: 'https://host/y.npy', groups: '/g.npy', test: pair }, from: 'runs/a', runs: 'out', name: 'n' };
  const full = { x: resolve('sub/x.npy'), sampleWeights: resolve('sub/w.npz#w') };
  t.same(pathsFrom('sub', config), {
    data: { ...full, y: 'https://host/y.npy', groups: '/g.npy', test: full },
    from: resolve('sub/runs/a'),
    runs: 'sub/out',
    name: 'n',
  });
  t.same(pathsFrom('.', { runs: 'out', data: 'mnist' }), { runs: 'out', data: 'mnist' }, 'runs as they are named');
  t.end();
});

test('columns of a table are no paths, also where only another part of the config says that it is one', (t) => {
  const columns = { sampleWeights: 'weight', groups: 'user' };
  t.same(pathsFrom('/sub', { data: { table: 't.csv', ...columns } }), { data: { table: '/sub/t.csv', ...columns } });
  t.same(pathsFrom('/sub', { data: columns }, true), { data: columns });
  t.end();
});
