import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { openArray } from '../../src/data/arrays/arrayFile.js';
import { listImages } from '../../src/data/images/folder.js';
import { inspectData } from '../../src/data/inspectData.js';
import { checkRows } from '../../src/data/table/parquet.js';
import { checkLengths } from '../../src/data/table/textLines.js';
import { readModelAt } from '../../src/formats/openModel.js';
import { readModel } from '../../src/formats/tfjs/layersModel.js';
import { textTable } from '../../src/shared/text/textTable.js';

test('a name that every mapping of JavaScript has is a column like any other', async (t) => {
  const folder = t.testdir({ 'a.jsonl': '{"toString": 1, "kind": "x"}\n{"kind": "y"}\n' });
  const { columns } = await inspectData(join(folder, 'a.jsonl'), { folders: [folder] });
  t.match(columns[0], { name: 'toString', type: 'number', missing: 1 });
});

test('what systems and archives leave beside images is no image and no class', async (t) => {
  const folder = t.testdir({
    cat: { '1.png': 'x', '._1.png': 'y', 'folder.png': { a: '' }, 'notes.txt': '' },
    dog: { '2.png': 'x' },
    empty: {},
    __MACOSX: { cat: { '._1.png': 'y' } },
    '.git': {},
  });
  const { classes, files, notes } = listImages(folder);
  t.same(classes, ['cat', 'dog']);
  t.same(files, [
    { path: join(folder, 'cat/1.png'), class: 0 },
    { path: join(folder, 'dog/2.png'), class: 1 },
  ]);
  t.same(
    notes.map((line) => line.replaceAll(`${folder}/`, '').replace(folder, 'folder')),
    [
      'empty: has no images, and is no class',
      '__MACOSX: is left out, as what macOS adds to an archive',
      'cat/._1.png: is no image, and is left out',
      'folder: so are 1 more',
    ],
  );
});

test('lists within lists without end', async (t) => {
  const folder = t.testdir({ 'a.jsonl': `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}\n` });
  await t.rejects(inspectData(join(folder, 'a.jsonl'), { folders: [folder] }), {
    name: 'DataError',
    message: /line 1: expected lists of numbers, got lists or mappings within each other beyond 32 levels$/,
  });
});

test('a table with very many columns can be shown', async (t) => {
  const rows = [1, 2].map(() => new Array<string>(200_000).fill('ab'));
  t.equal(textTable(rows).length, 2 * (200_000 * 4 - 2) + 1);
  const tall = new Array(200_000).fill(['a']);
  t.equal(textTable(tall).length, 400_000 - 1);
});

test('a pipe is refused, and not waited for', async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, 'images', 'a'), { recursive: true });
  mkdirSync(join(folder, 'model'));
  const names = ['f.csv', 'f.npy', 'f.jsonl', 'f.parquet', 'images/a/f.png', 'model/model.json'];
  for (const name of names) execFileSync('mkfifo', [join(folder, name)]);
  const refusal = { name: 'DataError', message: /expected a regular file, got a pipe, socket or device$/ };
  for (const name of names.slice(0, 4)) await t.rejects(inspectData(join(folder, name), { folders: [folder] }), refusal, name);
  await t.rejects(inspectData(join(folder, 'images'), { folders: [folder] }), refusal);
  await t.rejects(readModel(join(folder, 'model')), refusal);
});

test('weights of a model are in its own folder', async (t) => {
  const folder = t.testdir();
  const layers = [{ class_name: 'Dense', config: { name: 'dense', units: 1, activation: 'linear', batch_input_shape: [null, 2] } }];
  for (const path of ['../secret', '/etc/passwd', 'a/../../secret']) {
    const weights = [
      { name: 'dense/kernel', shape: [2, 1], dtype: 'float32' },
      { name: 'dense/bias', shape: [1], dtype: 'float32' },
    ];
    const model = {
      format: 'layers-model',
      modelTopology: { class_name: 'Sequential', config: { name: 'm', layers } },
      weightsManifest: [{ paths: [path], weights }],
    };
    writeFileSync(join(folder, 'model.json'), JSON.stringify(model));
    await t.rejects(readModel(folder), { name: 'DataError', message: /expected files of weights in its folder, got "/ }, path);
  }
});

test('no number of rows is believed that the file cannot hold', async (t) => {
  checkRows('f', [3, 4], 7, 300);
  checkRows('f', [1_000_000], 1_000_000, 300);
  t.throws(() => checkRows('f', [2_000_000_000], 2_000_000_000, 250), {
    name: 'DataError',
    message: 'f: is damaged: 2000000000 rows cannot be in a file of 250 bytes',
  });
  t.throws(() => checkRows('f', [-5], -5, 250), { message: 'f: is damaged: a row group has -5 rows' });
  t.throws(() => checkRows('f', [3], 4, 250), { message: 'f: is damaged: expected 4 rows in all, got row groups of 3' });
});

test('a web page in the place of a file is named', async (t) => {
  const page = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>a,b</body></html>\n';
  const folder = t.testdir({ 't.csv': page, 't.csv.gz': `\n ${page}`, 'x.npy': page, 'm.h5': page.toLowerCase() });
  const message = /got a web page \(HTML\)/;
  for (const name of ['t.csv', 't.csv.gz', 'x.npy'])
    await t.rejects(inspectData(join(folder, name), { folders: [folder] }), { name: 'DataError', message });
  t.throws(() => openArray(join(folder, 'x.npy')), { name: 'DataError', message });
  await t.rejects(readModelAt(join(folder, 'm.h5')), { name: 'DataError', message });
});

test('a file that is written to while samples are read from it is noticed', async (t) => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }".padEnd(117);
  const bytes = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(`${header}\n`), Buffer.alloc(32)]);
  const path = join(t.testdir(), 'x.npy');
  writeFileSync(path, bytes);
  t.equal(openArray(path).isChanged, undefined, 'what is in memory stays');
  const { isChanged } = openArray(path, 0);
  t.equal(isChanged?.(), false);
  writeFileSync(path, Buffer.alloc(8, 1), { flag: 'r+' });
  utimesSync(path, 1, 1);
  t.equal(isChanged?.(), true);
});

test('a line that is longer than any text', async (t) => {
  checkLengths('f', [{ from: 0, to: 100, first: 1 }], 100);
  t.throws(
    () =>
      checkLengths(
        'f',
        [
          { from: 0, to: 90, first: 1 },
          { from: 90, to: 191, first: 7 },
        ],
        100,
      ),
    {
      name: 'DataError',
      message: 'f, line 7: expected lines and fields of at most 100 bytes, got 101: is a quote or a line end missing?',
    },
  );
});
