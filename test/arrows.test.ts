import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'tap';

const config = resolve('.dependency-cruiser.mjs');
const program = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

/** What the linter reports on a project of these files: `RULE: FROM → TO` for each refused import, and its whole output. */
function refused(folder: string, files: Readonly<Record<string, string>>): { readonly arrows: string[]; readonly text: string } {
  for (const [path, text] of Object.entries({ ...files, 'tsconfig.json': '{"compilerOptions":{"module":"NodeNext"}}' })) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const { stdout } = spawnSync(process.execPath, [program, '--config', config, '--output-type', 'err-long', 'src'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const text = stdout.replace(/\s+/g, ' ');
  return { arrows: [...text.matchAll(/error ([^:]+: \S+ → \S+)/g)].map(([, arrow = '']) => arrow).sort(), text };
}

const leaf = 'export interface Leaf { readonly n: number }\nexport const leaf: Leaf = { n: 1 };\n';
const uses = (path: string): string => `import { leaf } from '${path}';\nexport const used = leaf;\n`;
const usesType = (path: string): string => `import type { Leaf } from '${path}';\nexport type Used = Leaf;\n`;

test('imports that the table has are allowed', (t) => {
  const { arrows, text } = refused(t.testdir(), {
    'src/shared/text/leaf.ts': leaf,
    'src/data/leaf.ts': leaf,
    'src/step/leaf.ts': leaf,
    'src/step/update/a.ts': uses('../leaf.js'),
    'src/worker/samples/a.ts': uses('../../data/leaf.js'),
    'src/worker/b.ts': uses('../shared/text/leaf.js'),
    'src/view/dashboard/api.ts': leaf,
    'src/view/page/a.ts': usesType('../dashboard/api.js'),
  });
  t.same(arrows, [], text);
  t.match(text, 'no dependency violations found');
  t.end();
});

test('any other import is refused, and the message names the room and the table', (t) => {
  const { arrows, text } = refused(t.testdir(), {
    'src/shared/text/leaf.ts': leaf,
    'src/shared/text/a.ts': uses('../../data/leaf.js'),
    'src/data/leaf.ts': leaf,
    'src/data/a.ts': usesType('../runFolder/leaf.js'),
    'src/runFolder/leaf.ts': leaf,
    'src/step/leaf.ts': leaf,
    'src/step/a.ts': uses('./update/leaf.js'),
    'src/step/update/leaf.ts': leaf,
    'src/cli/a.ts': "export const late = import('../step/leaf.js');\n",
    'src/index.ts': uses('./data/leaf.js'),
  });
  t.same(arrows, [
    'arrows of cli: src/cli/a.ts → src/step/leaf.ts',
    'arrows of data: src/data/a.ts → src/runFolder/leaf.ts',
    'arrows of index: src/index.ts → src/data/leaf.ts',
    'arrows of shared/text: src/shared/text/a.ts → src/data/leaf.ts',
    'arrows of step: src/step/a.ts → src/step/update/leaf.ts',
  ]);
  t.match(text, 'data may import shared: see the table in .dependency-cruiser.mjs.');
  t.match(text, 'shared/text may import no other room: see the table');
  t.end();
});

test('a room without a row is closed in both directions', (t) => {
  const { arrows } = refused(t.testdir(), {
    'src/shared/text/leaf.ts': leaf,
    'src/attic/leaf.ts': leaf,
    'src/attic/a.ts': uses('../shared/text/leaf.js'),
    'src/coordinator/attic/a.ts': uses('../../shared/text/leaf.js'),
    'src/data/a.ts': uses('../attic/leaf.js'),
  });
  t.same(arrows, [
    'arrows of data: src/data/a.ts → src/attic/leaf.ts',
    'room without arrows: src/attic/a.ts → src/shared/text/leaf.ts',
    'room without arrows: src/coordinator/attic/a.ts → src/shared/text/leaf.ts',
  ]);
  t.end();
});

test('circles are refused, of types and of folders too', (t) => {
  const { arrows } = refused(t.testdir(), {
    'src/data/a.ts': `${leaf}import type { Used } from './b.js';\nexport type Back = Used;\n`,
    'src/data/b.ts': usesType('./a.js'),
    'src/formats/one/leaf.ts': leaf,
    'src/formats/one/a.ts': uses('../two/leaf.js'),
    'src/formats/two/leaf.ts': leaf,
    'src/formats/two/a.ts': uses('../one/leaf.js'),
  });
  t.same(arrows, [
    'no circles of folders: src/formats/one → src/formats/two',
    'no circles of folders: src/formats/two → src/formats/one',
    'no circles: src/data/a.ts → src/data/b.ts',
  ]);
  t.end();
});

test('packages are imported where the table says, and the page imports types of view only', (t) => {
  const { arrows } = refused(t.testdir(), {
    'node_modules/zeromq/index.js': leaf,
    'node_modules/koffi/index.js': leaf,
    'src/shared/transport/a.ts': uses('zeromq'),
    'src/worker/connection/a.ts': uses('zeromq'),
    'src/setup/a.ts': uses('koffi'),
    'src/engines/gpu.ts': uses('koffi'),
    'src/runFolder/leaf.ts': leaf,
    'src/view/dashboard/api.ts': leaf,
    'src/view/page/a.ts': uses('../dashboard/api.js'),
    'src/view/page/b.ts': usesType('../../runFolder/leaf.js'),
  });
  t.same(arrows, [
    'only some import koffi: src/setup/a.ts → node_modules/koffi/index.js',
    'only some import zeromq: src/worker/connection/a.ts → node_modules/zeromq/index.js',
    'page imports types of view: src/view/page/a.ts → src/view/dashboard/api.ts',
    'page imports types of view: src/view/page/b.ts → src/runFolder/leaf.ts',
  ]);
  t.end();
});
