import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { convertTable, type TableRequest } from '../../src/data/conversion/build.js';
import { inspectData } from '../../src/data/inspectData.js';
import { openArrays } from '../../src/data/openData.js';
import { figuresOf, isCount, isLossy, joinFigures } from '../../src/data/table/figures.js';
import { pandasIndex } from '../../src/data/table/parquet.js';
import { DataError } from '../../src/shared/text/errors.js';
import { parquetFile } from '../fixtures/sources.js';

/** Tables that people have: what is read otherwise than they think is said or refused. */

interface Found {
  readonly columns: readonly string[];
  readonly inputs: readonly number[][];
  readonly targets: readonly number[][];
  readonly classes: readonly string[] | undefined;
  readonly notes: readonly string[];
}

type Said = Partial<Omit<TableRequest, 'path'>>;

async function read(t: Test, file: string, content: string | ((path: string) => unknown), said: Said = {}): Promise<Found> {
  const folder = t.testdir();
  const path = join(folder, file);
  if (typeof content === 'string') writeFileSync(path, content);
  else content(path);
  const notes: string[] = [];
  const say = (line: string): number => notes.push(line.replaceAll(`${folder}/`, ''));
  const request = { missing: 'refuse', target: 'y', ...said, path } as const;
  const { x, y, classes, schema } = await convertTable(request, { folders: [join(folder, 'data')], say });
  const { train } = openArrays({ x, y }, 0, {});
  const rows = train.inputs(train.count);
  for (let i = 0; i < train.count; i++) rows.load(i, i);
  rows.finish(train.count);
  const width = rows.values.length / train.count;
  const target = new Float32Array(train.targets.width);
  return {
    columns: schema?.inputs.map(({ name }) => name) ?? [],
    inputs: Array.from({ length: train.count }, (_, i) => [...rows.values.subarray(i * width, (i + 1) * width)]),
    targets: Array.from({ length: train.count }, (_, i) => {
      train.readTarget(i, target, 0);
      return [...target];
    }),
    ...{ classes, notes },
  };
}

async function problem(t: Test, content: string, said: Said = {}): Promise<string> {
  try {
    await read(t, 'table.csv', content, said);
  } catch (error) {
    if (error instanceof DataError) return error.message.replace(/^.*\/(?=table\.csv)/, '');
    throw error;
  }
  return 'none';
}

const lines = (head: string, count: number, row: (i: number) => string): string =>
  `${[head, ...Array.from({ length: count }, (_, i) => row(i))].join('\n')}\n`;

test('a column that counts rows is no input', async (t) => {
  const csv = lines('Unnamed: 0,a,y', 30, (i) => `${(i * 7) % 30},${i / 2},${i % 2}`);
  const left = await read(t, 'table.csv', csv);
  t.same(left.columns, ['a']);
  t.same(left.notes, ['table.csv: column Unnamed: 0 only counts rows and is left out; data.inputs takes it in']);
  t.same((await read(t, 'table.csv', csv, { inputs: ['Unnamed: 0', 'a'] })).columns, ['Unnamed: 0', 'a'], 'unless it is named');

  const shuffled = (i: number): number => (i * 7) % 30;
  const columnData = [
    { name: 'a', data: Array.from({ length: 30 }, (_, i) => i / 2), type: 'DOUBLE' },
    { name: 'y', data: Array.from({ length: 30 }, (_, i) => i % 2), type: 'INT32' },
    { name: '__index_level_0__', data: Array.from({ length: 30 }, (_, i) => shuffled(i)), type: 'INT32' },
  ];
  const kvMetadata = [{ key: 'pandas', value: JSON.stringify({ index_columns: ['__index_level_0__'] }) }];
  const parquet = (path: string): string => parquetFile(path, columnData, undefined, kvMetadata);
  t.same((await read(t, 'table.parquet', parquet)).columns, ['a']);
  t.same(
    pandasIndex(JSON.stringify({ index_columns: [{ kind: 'range', name: null, start: 0 }] })),
    [],
    'one that only counts is no column',
  );
  t.same(pandasIndex('nonsense'), []);

  const { notes } = await read(
    t,
    'table.csv',
    lines('id,a,y', 30, (i) => `${1 + shuffled(i)},${i / 2},${i % 2}`),
  );
  t.same(notes, ['table.csv: column id counts the rows, and is an input: data.inputs leaves it out']);
});

test('counting and numbers that float32 does not have are told from figures of parts', async (t) => {
  const figures = (...parts: number[][]) => joinFigures(parts.flatMap((part) => figuresOf(Float64Array.from(part), 1, [0])));
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  t.ok(isCount(figures(upTo(50).slice(20), [], upTo(20))));
  t.notOk(isCount(figures(upTo(50).map((i) => (i === 7 ? 8 : i)))), 'one twice');
  t.notOk(isCount(figures(upTo(5))), 'too few to tell');
  t.ok(isLossy(figures([20_180_223], [20_180_224])));
  t.ok(isLossy(figures([1.7e9 + 0.25, 1.7e9 + 3_600])));
  t.notOk(isLossy(figures([0.1, 0.2])), 'rounding is not felt');
  t.notOk(isLossy(figures([Number.NaN, 5])));
});

test('one value that is no number among numbers', async (t) => {
  const column = (odd: string) => lines('hp,y', 40, (i) => `${i === 17 ? odd : 60 + i},${i % 3}`);
  const expected = 'table.csv, line 19, column hp: expected a number, as nearly all of its values are, got';
  t.equal(
    await problem(t, column('unknown')),
    `${expected} "unknown": mend the file, say data.columns: { hp: category }, or data.missingValues: ["unknown"] where it is missing`,
  );
  for (const odd of ['"1,234.50"', '12%', '$5'])
    t.equal(
      await problem(t, column(odd)),
      `${expected} "${odd.replaceAll('"', '')}": mend the file, say data.columns: { hp: category }`,
      odd,
    );
  t.equal((await read(t, 'table.csv', column('unknown'), { columns: { hp: 'category' } })).inputs[0]?.length, 40);
  t.match((await read(t, 'table.csv', column('unknown'), { missing: 'mean', missingValues: ['Unknown'] })).inputs[17], [Number.NaN]);
  const target = lines('a,y', 40, (i) => `${i},${i === 3 ? '<1.0' : i / 4}`);
  t.match(await problem(t, target), /^table\.csv, line 5, column y: expected a number, .* got "<1\.0": /);
  const all = lines('hp;y', 40, (i) => `$${i},5;${i % 3}`);
  t.match(await problem(t, all), /^table\.csv, line 2, column hp: expected a number, .* got "\$0,5": mend the file/);
  t.equal(
    (
      await read(
        t,
        'table.csv',
        lines('hp,y', 40, (i) => `${i % 2 ? 'a7' : 7},${i % 3}`),
      )
    ).inputs[0]?.length,
    2,
    'codes are categories',
  );
});

test('decimal commas', async (t) => {
  const csv = lines('a;y', 30, (i) => `${i},5;${i % 4},25`);
  t.equal(
    await problem(t, csv),
    `table.csv, line 2, column a: expected a number, as nearly all of its values are, got "0,5": numbers with decimal commas are read with data.decimal: ','`,
  );
  const { inputs, targets } = await read(t, 'table.csv', csv, { decimal: ',' });
  t.same([inputs[3], targets[3]], [[3.5], [3.25]]);
  t.match(
    await problem(
      t,
      lines('a;y', 30, () => '1.5;2'),
      { decimal: ',', columns: { a: 'number' } },
    ),
    /got "1\.5"/,
  );
});

test('texts that say that a value is missing', async (t) => {
  const csv = lines('c,a,y', 40, (i) => `${['NA', 'None', 'x', ''][i % 4]},${i},${i % 2}`);
  t.match(
    await problem(t, csv),
    /^table\.csv, line 2, column c: a value is missing \("NA"\): .*; where that is no missing value, data\.missingValues: \[""\] takes it for a text$/,
  );
  const filled = await read(t, 'table.csv', csv, { missing: 'mean' });
  t.equal(filled.inputs[0]?.length, 2, 'x and a');
  t.same(filled.notes.slice(0, 1), [
    'table.csv: column c: 30 missing values are none of its categories (all zeros); where NA, None is no missing value, say data.missingValues: [""]',
  ]);
  t.equal((await read(t, 'table.csv', csv, { missing: 'mean', missingValues: [''] })).inputs[0]?.length, 4, 'NA, None, x and a');
  t.equal((await read(t, 'table.csv', csv, { missing: 'mean', columns: { c: 'category' } })).inputs[0]?.length, 4, 'so it is said');
  const classes = lines('a,y', 30, (i) => `${i},${['None', 'some'][i % 2]}`);
  t.same((await read(t, 'table.csv', classes, { columns: { y: 'category' } })).classes, ['None', 'some']);
});

test('true and false are read alike in all formats', async (t) => {
  const truths = (i: number): boolean => i % 3 === 0;
  const csv = lines('a,b,y', 30, (i) => `${truths(i) ? 'True' : 'FALSE'},${i},${truths(i) ? 'true' : 'false'}`);
  const json = `${Array.from({ length: 30 }, (_, i) => JSON.stringify({ a: truths(i), b: i, y: truths(i) })).join('\n')}\n`;
  const columnData = [
    { name: 'a', data: Array.from({ length: 30 }, (_, i) => truths(i)), type: 'BOOLEAN' },
    { name: 'b', data: Array.from({ length: 30 }, (_, i) => i), type: 'INT32' },
    { name: 'y', data: Array.from({ length: 30 }, (_, i) => truths(i)), type: 'BOOLEAN' },
  ];
  const found = [
    await read(t, 'table.csv', csv),
    await read(t, 'table.jsonl', json),
    await read(t, 'table.parquet', (path) => parquetFile(path, columnData)),
  ];
  for (const { inputs, targets, classes } of found) {
    t.same([inputs[0], inputs[1], targets[0], targets[1]], [[1, 0], [0, 1], [1], [0]]);
    t.equal(classes, undefined, 'the classes 0 and 1');
  }
  const asCategory = { columns: { y: 'category' } } as const;
  for (const [file, text] of [
    ['table.csv', csv],
    ['table.jsonl', json],
  ] as const)
    t.same((await read(t, file, text, asCategory)).classes, ['false', 'true'], file);
});

test('a first line that looks like a row is questioned', async (t) => {
  const kinds = ['Iris-setosa', 'Iris-versicolor'];
  const iris = lines('5.1,3.5,1.4,0.2,Iris-setosa', 30, (i) => `${4 + i / 10},3.1,1.5,0.1,${kinds[i % 2]}`);
  const questioned = await problem(t, iris, { target: 'Iris-setosa' });
  t.match(
    questioned,
    /^table\.csv, line 1: expected the names of the columns, got what looks like a row \("5\.1", "3\.5", .*data\.header: false.*data\.names/,
  );
  const said: string[] = [];
  const folder = t.testdir({ 'iris.csv': iris });
  await inspectData(join(folder, 'iris.csv'), { folders: [folder], say: (line) => said.push(line) });
  t.match(said, [/iris\.csv, line 1: expected the names of the columns, got what looks like a row/], 'inspect says it, too');
  const headless = await read(t, 'table.csv', iris, { target: 'column4', header: false });
  t.equal(headless.inputs.length, 31);
  t.same(headless.classes, kinds);
  const names = ['a', 'b', 'c', 'd', 'kind'];
  t.same((await read(t, 'table.csv', iris, { target: 'kind', names })).columns, names.slice(0, 4));
  t.match(await problem(t, iris, { target: 'kind', names: ['kind'] }), /data\.names: expected 5 names, one a column, got 1/);
  t.equal((await read(t, 'table.csv', iris, { target: 'Iris-setosa', header: true })).inputs.length, 30, 'or confirmed');
  const years = lines('name,2019,2020,y', 30, (i) => `n${i},${i},${i / 2},1`);
  t.equal(await problem(t, years), 'none', 'years are names');
  t.match(
    await problem(
      t,
      lines('3,7,red', 30, (i) => `${i},${i},${['red', 'blue'][i % 2]}`),
      { target: 'red' },
    ),
    /looks like a row/,
  );
  t.match(
    await problem(
      t,
      lines('1,1,red', 30, (i) => `${i},1,red`),
      { target: 'red' },
    ),
    /got "1" twice: if the first line is a row/,
  );
});

test('blank lines', async (t) => {
  const single = await problem(t, 'y\n1\n2\n\n4\n5\n', { inputs: ['y'], target: 'y' });
  t.match(single, /expected columns other than the target/);
  const several = await read(t, 'table.csv', `${lines('a,y', 10, (i) => `${i},${i % 2}`)}\n\n1,1\n\n\n`);
  t.equal(several.inputs.length, 11);
  t.same(several.notes, ['table.csv: blank lines between rows are passed over: 2'], 'those at the end are nothing');
});

test('dates, times and long numbers stay apart once they are normalized', async (t) => {
  const days = [20_180_223, 20_180_224];
  const csv = lines('day,b,y', 40, (i) => `${days[i % 2]},${i / 8},${i % 2}`);
  const json = `${Array.from({ length: 40 }, (_, i) => JSON.stringify({ day: days[i % 2], b: i / 8, y: i % 2 })).join('\n')}\n`;
  for (const [file, text] of [
    ['table.csv', csv],
    ['table.jsonl', json],
  ] as const) {
    const folder = t.testdir();
    writeFileSync(join(folder, file), text);
    const { x, y } = await convertTable({ path: join(folder, file), target: 'y', missing: 'refuse' }, { folders: [join(folder, 'data')] });
    for (const [normalize, expected] of [
      ['standardize', [-1, 1]],
      ['minmax', [0, 1]],
    ] as const) {
      for (const memory of [undefined, 0]) {
        const { train } = openArrays({ x, y, normalize }, 0, memory === undefined ? {} : { memory });
        const rows = train.inputs(2);
        rows.load(0, 0);
        rows.load(1, 1);
        rows.finish(2);
        t.same([rows.values[0], rows.values[2]], expected, `${file}, ${normalize}`);
      }
    }
  }
});
