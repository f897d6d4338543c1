import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { openArray } from '../../../src/data/arrays/arrayFile.js';
import { convertTable } from '../../../src/data/conversion/build.js';
import { openTable } from '../../../src/data/table/openTable.js';
import { cutLines } from '../../../src/data/table/textLines.js';
import { parquetFile } from '../../fixtures/sources.js';

/** Six rows in three pieces, so that processes of their own convert them. */
function writeTable(folder: string): string {
  const columnData = [
    { name: 'city', data: ['b', 'a', 'c', 'a', 'd', 'b'], type: 'STRING' },
    { name: 'age', data: [1, 2, 3, 4, 5, 6], type: 'DOUBLE' },
    { name: 'kind', data: ['y', 'x', 'y', 'x', 'z', 'x'], type: 'STRING' },
  ];
  return parquetFile(join(folder, 'table.parquet'), columnData, 2);
}

function rows(path: string): number[][] {
  const array = openArray(path);
  const { values, load, finish } = array.buffer(6);
  for (let row = 0; row < 6; row++) load(row, row);
  finish(6);
  return Array.from({ length: 6 }, (_, row) => [...values.subarray(row * array.rowWidth, (row + 1) * array.rowWidth)]);
}

const request = { target: 'kind', missing: 'refuse' } as const;

test('rows become samples: categories in the order of their names, whatever process has met them first', async (t) => {
  const folder = t.testdir();
  const path = writeTable(folder);
  const found = await convertTable({ ...request, path }, { folders: [join(folder, 'data')] });
  t.same(found.classes, ['x', 'y', 'z']);
  t.same(found.schema?.inputs, [
    { name: 'city', kind: 'category', categories: ['a', 'b', 'c', 'd'] },
    { name: 'age', kind: 'number' },
  ]);
  t.same(rows(found.x), [
    [0, 1, 0, 0, 1],
    [1, 0, 0, 0, 2],
    [0, 0, 1, 0, 3],
    [1, 0, 0, 0, 4],
    [0, 0, 0, 1, 5],
    [0, 1, 0, 0, 6],
  ]);
  t.same(rows(found.y).flat(), [1, 0, 1, 0, 2, 0]);
  t.match(openArray(found.y), { dtype: 'int32', shape: [6] });
  t.same(readdirSync(join(found.x, '..')).sort(), ['cache.json', 'inputs.npy', 'targets.npy'], 'no parts are left');
});

test('two that start at once convert a table once', async (t) => {
  const folder = t.testdir();
  const path = writeTable(folder);
  const converted: number[] = [];
  const convert = () =>
    convertTable({ ...request, path }, { folders: [join(folder, 'data')], onProgress: (_, done) => converted.push(done) });
  const [first, second] = await Promise.all([convert(), convert()]);
  t.same(first, second);
  t.same(converted, [0, 1, 2, 3]);
  t.notOk(readdirSync(join(folder, 'data')).some((name) => name.endsWith('.lock')));
});

test('what was converted before an interruption is not converted again; the lock of a dead process is no hindrance', async (t) => {
  const folder = t.testdir();
  const path = writeTable(folder);
  const place = { folders: [join(folder, 'data')] };
  const interrupt = (_: string, done: number): void => {
    if (done === 2) throw new Error('interrupted');
  };
  await t.rejects(convertTable({ ...request, path }, { ...place, onProgress: interrupt }), { message: 'interrupted' });
  const [building = ''] = readdirSync(join(folder, 'data'));
  t.match(building, /^[0-9a-f]{16}\.building-\d+$/);
  const lock = join(folder, 'data', building.replace(/building.*/, 'lock'));
  writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
  const converted: number[] = [];
  await convertTable({ ...request, path }, { ...place, onProgress: (_, done) => converted.push(done) });
  t.ok((converted[0] ?? 0) >= 1, 'it goes on');
  t.equal(converted.at(-1), 3);
  t.notOk(existsSync(lock));
});

test('whole numbers are class numbers only where they can be', async (t) => {
  const folder = t.testdir({ 'large.csv': 'a,y\n1,3000000000\n2,4000000000\n', 'small.csv': 'a,y\n1,3\n2,0\n' });
  const place = { folders: [join(folder, 'data')] };
  const of = async (name: string) => openArray((await convertTable({ path: join(folder, name), target: 'y', missing: 'refuse' }, place)).y);
  t.match(await of('large.csv'), { dtype: 'float32', shape: [2, 1] });
  t.match(await of('small.csv'), { dtype: 'int32', shape: [2] });
});

test('rows that are wide are read whole, also where only the first are looked at', async (t) => {
  const row = new Array(40_000).fill('0.123456789').join();
  const text = `${Array.from({ length: 40_000 }, (_, i) => `c${i}`).join()},y\n${`${row},1\n`.repeat(50)}`;
  const folder = t.testdir({ 'wide.csv': text });
  const { x } = await convertTable({ path: join(folder, 'wide.csv'), target: 'y', missing: 'refuse' }, { folders: [join(folder, 'data')] });
  t.same(openArray(x).shape, [50, 40_000]);
});

test('a table that has changed takes the place of what it was before', async (t) => {
  const folder = t.testdir({ 't.csv': 'a,y\n1,3\n2,0\n' });
  const place = { folders: [join(folder, 'data')] };
  const convert = () => convertTable({ path: join(folder, 't.csv'), target: 'y', missing: 'refuse' }, place);
  await convert();
  writeFileSync(join(folder, 't.csv'), 'a,y\n1,3\n2,0\n3,1\n');
  await convert();
  t.equal(readdirSync(join(folder, 'data')).length, 1);
});

test('pieces of a text end with whole lines, and none within quotes', async (t) => {
  const text = 'a,b\n1,"x\ny"\n2,"p""\n"\n3,z\n4,w';
  const folder = t.testdir({ 't.csv': text });
  const path = join(folder, 't.csv');
  for (const wanted of [1, 5, 12, 100]) {
    const pieces = cutLines(path, 4, text.length, 2, true, wanted);
    t.equal(pieces.map(({ from, to }) => text.slice(from, to)).join(''), text.slice(4), 'nothing is lost');
    const table = await openTable(path);
    const found: string[] = [];
    for (const piece of pieces) await table.read(piece, (row, place) => found.push(`${place}: ${row.join('|')}`));
    t.same(found, ['line 3: 1|x\ny', 'line 5: 2|p"\n', 'line 6: 3|z', 'line 7: 4|w'], `pieces of ${wanted} bytes`);
  }
  t.equal(readFileSync(path, 'utf8'), text);
});
