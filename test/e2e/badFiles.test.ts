import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { test } from 'tap';
import yazl from 'yazl';
import { train } from '../../src/index.js';
import { npyBytes } from '../fixtures/arrays.js';
import { parquetFile } from '../fixtures/sources.js';

/** Tables, archives and images that are not what they should be: a message that names the line, and no run is left. */

const good = 'a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n';
const config = { model: '2-2', batchSize: 2, shards: 2, workers: 1, epochs: 1, validationSplit: 0, engine: 'onnx', tensorboard: false };

/** What a run says of a data set, and that it has left nothing; undefined where it trains. */
async function problemOf(folder: string, data: object, more: object = {}): Promise<string | undefined> {
  const runs = join(folder, 'runs');
  try {
    await train({ ...config, data, runs, name: 'run', ...more });
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || !['DataError', 'ConfigError'].includes(error.name)) throw error;
    const left = existsSync(runs) ? readdirSync(runs).filter((name) => name !== '.data') : [];
    const building = existsSync(join(runs, '.data')) ? readdirSync(join(runs, '.data')).filter((name) => /building|lock/.test(name)) : [];
    if (left.length + building.length > 0) throw new Error(`left ${[...left, ...building].join(', ')}`);
    return error.message.replaceAll(`${folder}/`, '');
  }
}

const tables: readonly (readonly [what: string, text: string | Buffer, problem: string | RegExp | undefined, data?: object])[] = [
  ['a table', good, undefined],
  ['a byte order mark', `\uFEFF${good}`, undefined, { inputs: ['a', 'b'] }],
  ['lines that end with CRLF', good.replaceAll('\n', '\r\n'), undefined],
  ['semicolons', good.replaceAll(',', ';'), undefined],
  ['quotes with newlines, delimiters and quotes in them', 'a,b,kind\n1,2,"x, ""and\nx"""\n3,4,y\n', undefined],
  ['no newline at the end', good.trimEnd(), undefined],
  ['a ragged line', 'a,b,kind\n1,2,x\n3,4\n', 'table.csv, line 3: expected 3 values, one a column, got 2'],
  [
    'a ragged line behind a value of two lines',
    'a,b,kind\n1,2,"x\nx"\n3,4,y,5\n',
    'table.csv, line 4: expected 3 values, one a column, got 4',
  ],
  [
    'a quote that is never closed',
    'a,b,kind\n1,2,"x\n3,4,y\n',
    /^table.csv, line \d: cannot be read as CSV: a quote is opened here and never closed$/,
  ],
  [
    'text in a column of numbers',
    `a,b,kind\n${'1,2,x\n3,4,y\n'.repeat(600)}seven,8,x\n`,
    'table.csv, line 1202, column a: expected a finite float32 number, got "seven": mend the file, or say data.columns: { a: category }',
  ],
  [
    'a missing value',
    'a,b,kind\n1,2,x\n3,,y\n',
    'table.csv, line 3, column b: a value is missing: fill it in, or say what to do with data.missing: mean, zero or drop',
  ],
  ['NaN', 'a,b,kind\nNaN,2,x\n3,4,y\n', /^table.csv, line 2, column a: a value is missing/],
  ['NaN that is filled in', 'a,b,kind\nNaN,2,x\n3,4,y\n', undefined, { missing: 'mean' }],
  ['NaN in a row that is dropped', 'a,b,kind\nNaN,2,x\n3,4,y\n5,6,x\n', undefined, { missing: 'drop' }],
  ['a target that is missing', 'a,b,kind\n1,2,\n3,4,y\n', /^table.csv, line 2, column kind: a target is missing/, { missing: 'mean' }],
  ['infinity', 'a,b,kind\n1e39,2,x\n3,4,y\n', /^table.csv, line 2, column a: expected a finite float32 number, got "1e39"/],
  ['an empty file', '', 'table.csv: is empty: expected a table, as CSV, JSON lines or Parquet'],
  ['a header alone', 'a,b,kind\n', 'table.csv: has no rows: expected a line a sample behind the names of the columns'],
  [
    'a column twice',
    'a,a,kind\n1,2,x\n',
    'table.csv: expected a name of its own for each column, got "a" twice: if the first line is a row, say data.header: false',
  ],
  [
    'a target that is not there',
    'a,b,knd\n1,2,x\n',
    'table.csv: data.target: expected names of its columns (a, b, knd), got "kind"; did you mean "knd"?',
  ],
  ['bytes that are no text', Buffer.of(1, 0, 2, 3), /got a file of bytes that are no text$/],
  ['a gzip archive', Buffer.of(0x1f, 0x8b, 8, 0), 'table.csv: expected a table, got a gzip archive: unpack it first (gunzip)'],
  ['JSON lines', '{"a": 1, "b": 2, "kind": "x"}\n\n{"b": 4, "kind": "y", "a": 3}\n', undefined],
  ['JSON that is none', '{"a": 1, "b": 2, "kind": "x"}\n{"a": 1,\n', /^table.csv, line 2: is not JSON: /],
  [
    'another key',
    '{"a": 1, "b": 2, "kind": "x"}\n{"a": 1, "b": 2, "kind": "x", "c": 3}\n',
    'table.csv, line 2: expected the keys of the first line (a, b, kind), got "c" too',
  ],
  [
    'lists of other lengths',
    '{"a": [1, 2], "kind": "x"}\n{"a": [1], "kind": "y"}\n',
    'table.csv, line 2, column a: expected a list of numbers of shape [2], as in the first row, got 1 where it has 2',
  ],
  [
    'lists whose inner lengths differ',
    '{"a": [[1, 2], [3, 4]], "kind": "x"}\n{"a": [[5, 6], [7]], "kind": "y"}\n',
    /line 2, column a: expected a list of numbers of shape \[2, 2\], as in the first row, got 1 where it has 2$/,
  ],
  [
    'mappings',
    '{"a": 1, "b": {"c": 1}, "kind": "x"}\n',
    /line 1, column b: expected a number, a text or a list of numbers, got \{"c":1\}$/,
  ],
  ['a column that counts rows', ',a,kind\n0,2,x\n1,4,y\n', /a column has no name, as one that counts rows/],
  ['columns that are numbered', '0,1,2\n1,2,x\n3,4,y\n', undefined, { target: '2' }],
  ['another encoding', Buffer.from('a,b,kind\n1,2,\xc5\n', 'latin1'), /expected text in UTF-8, got another encoding/],
  ['an input twice', good, /data.inputs: expected each column once, got "a" twice$/, { inputs: ['a', 'a'] }],
  [
    'a text of its own in every row',
    `a,b,kind\n${Array.from({ length: 2_001 }, (_, i) => `1,text${i},x\n`).join('')}`,
    /column b has 2001 different texts, each of which would be an input/,
  ],
  [
    'a Parquet file that is cut short',
    Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(40)]),
    /^table.csv: cannot be read as Parquet, it is damaged or cut short: /,
  ],
];

test('tables', async (t) => {
  for (const [what, text, expected, data = {}] of tables) {
    const folder = t.testdir();
    writeFileSync(join(folder, 'table.csv'), text);
    const problem = await problemOf(folder, { table: join(folder, 'table.csv'), target: 'kind', ...data });
    if (expected instanceof RegExp) t.match(problem, expected, what);
    else t.equal(problem, expected, what);
  }
});

test('classes that only the test set has, and Parquet of another kind', async (t) => {
  const folder = t.testdir({ 'train.csv': good, 'test.csv': 'a,b,kind\n1,2,x\n3,4,z\n' });
  const at = (name: string): string => join(folder, name);
  const data = { table: at('train.csv'), target: 'kind' };
  t.equal(
    await problemOf(folder, { ...data, test: { table: at('test.csv') } }),
    `test.csv, line 3, column kind: expected one of the classes of train.csv (x, y), got "z"`,
  );
  parquetFile(at('t.parquet'), [
    { name: 'a', data: [1, 2, 3, 4], type: 'DOUBLE' },
    { name: 'b', data: [1, 2, 3, 4], type: 'INT32' },
    { name: 'kind', data: ['x', 'y', 'x', 'y'], type: 'STRING' },
  ]);
  const bytes = readFileSync(at('t.parquet'));
  t.equal(await problemOf(folder, { ...data, table: at('t.parquet') }), undefined);
  const next = t.testdir();
  writeFileSync(join(next, 'cut.parquet'), bytes.subarray(0, bytes.length - 30));
  t.match(
    await problemOf(next, { ...data, table: join(next, 'cut.parquet') }),
    /^cut.parquet: cannot be read as Parquet, it is damaged or cut short: /,
  );
});

test('a cache of an older version is made anew, and one that is there is used', async (t) => {
  const folder = t.testdir({ 'table.csv': good });
  const table = join(folder, 'table.csv');
  const data = { table, target: 'kind' };
  const notices: string[] = [];
  const converted: string[] = [];
  const runs = join(folder, 'runs');
  const trainOnce = (name: string) =>
    train(
      { ...config, data, runs, name },
      { onNotice: (line) => notices.push(line), onConverting: ({ done, total }) => converted.push(`${done}/${total}`) },
    );
  await trainOnce('first');
  t.same(converted, ['0/1', '1/1']);
  await trainOnce('second');
  t.equal(converted.length, 2, 'nothing is converted again');
  const [name = ''] = readdirSync(join(runs, '.data'));
  const path = join(runs, '.data', name, 'cache.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"version":\d+/, '"version":0'));
  await trainOnce('third');
  t.equal(converted.length, 4);
  t.match(notices.join('\n'), /was made by another version, or is not whole: .*table.csv is converted anew/);
  writeFileSync(table, good.replace('7', '9'));
  utimesSync(table, new Date(), new Date(Date.now() + 5_000));
  await trainOnce('fourth');
  t.equal(converted.length, 6, 'another file is another cache');
});

const ones = npyBytes('<f4', [4, 2], new Float32Array(8).fill(1));
const classes = npyBytes('<i4', [4], Int32Array.of(0, 1, 0, 1));

async function npz(path: string, entries: Readonly<Record<string, Buffer>>, compress = false): Promise<string> {
  const zip = new yazl.ZipFile();
  for (const [name, bytes] of Object.entries(entries)) zip.addBuffer(bytes, name, { compress });
  zip.end();
  writeFileSync(path, await buffer(zip.outputStream));
  return path;
}

test('archives: what is pickled is never loaded, and what claims to be larger than its array is refused', async (t) => {
  const folder = t.testdir();
  const at = (name: string): string => join(folder, name);
  const problem = (path: string, name = 'x') => problemOf(folder, { x: `${path}#${name}`, y: `${path}#y` });
  t.equal(await problem(await npz(at('good.npz'), { 'x.npy': ones, 'y.npy': classes })), undefined);
  const pickled = npyBytes('|O', [4, 2], Buffer.from('\x80\x04cos\nsystem\n'));
  const next = t.testdir();
  const here = (name: string): string => join(next, name);
  const refused = (path: string, name = 'x') => problemOf(next, { x: `${path}#${name}`, y: `${path}#y` });
  t.match(
    await refused(await npz(here('pickled.npz'), { 'x.npy': pickled, 'y.npy': classes })),
    /^pickled.npz#x: expected an array of numbers, got Python objects \(a pickle\), which are never loaded/,
  );
  t.match(
    await refused(await npz(here('other.npz'), { 'x.pkl': Buffer.from('\x80\x04'), 'y.npy': classes }), 'x.pkl'),
    /other.npz#x.pkl: expected an array as np.savez writes it, got something else/,
  );
  t.match(
    await refused(await npz(here('names.npz'), { 'a.npy': ones, 'y.npy': classes })),
    /^names.npz: expected the name of one of its arrays behind it \(names.npz#a, names.npz#y\), got x$/,
  );
  // A bomb: 64 MB of zeros behind an array of eight values.
  const bomb = Buffer.concat([ones, Buffer.alloc(2 ** 26)]);
  t.match(
    await refused(await npz(here('bomb.npz'), { 'x.npy': bomb, 'y.npy': classes }, true)),
    /^bomb.npz#x: expected 160 bytes for float32 \[4, 2\], and the archive says that it unpacks to 67109024$/,
  );
  // And one whose header promises more than there is on any disk.
  const huge = npyBytes('<f4', [2 ** 40, 2 ** 10], new Float32Array(4));
  t.match(
    await refused(await npz(here('huge.npz'), { 'x.npy': huge, 'y.npy': classes }, true)),
    /^huge.npz#x: expected \d+ bytes for float32/,
  );
  const whole = readFileSync(await npz(here('whole.npz'), { 'x.npy': ones, 'y.npy': classes }, true));
  writeFileSync(here('cut.npz'), whole.subarray(0, whole.length - 40));
  t.match(await refused(here('cut.npz')), /^cut.npz: (cannot be read as a .npz archive|is damaged)/);
});

test('folders of images', async (t) => {
  const write = async (path: string, width: number, channels: 1 | 3 = 1): Promise<void> => {
    mkdirSync(join(path, '..'), { recursive: true });
    const image = sharp(Buffer.alloc(width * 2 * channels, 7), { raw: { width, height: 2, channels } });
    await image
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .png()
      .toFile(path);
  };
  const cases: readonly (readonly [string, (folder: string) => Promise<void>, RegExp | undefined])[] = [
    ['images', async () => undefined, undefined],
    [
      'one of another size',
      (folder) => write(join(folder, 'train/b/3.png'), 3),
      /^train\/b\/3.png: expected an image of 2 x 2 pixels, grey, as the first one, got one of 2 x 3 pixels, grey$/,
    ],
    [
      'one with colours',
      (folder) => write(join(folder, 'train/b/3.png'), 2, 3),
      /3.png: expected an image of 2 x 2 pixels, grey, .* got one of 2 x 2 pixels, in colours$/,
    ],
    [
      'one that is no image',
      async (folder) => writeFileSync(join(folder, 'train/b/3.png'), 'text'),
      /^train\/b\/3.png: cannot be read as a PNG or JPEG image: /,
    ],
    [
      'a class that only the test set has',
      (folder) => write(join(folder, 'test/c/1.png'), 2),
      /^test\/c: expected one of the classes of train \(a, b\), got "c"$/,
    ],
  ];
  for (const [what, change, expected] of cases) {
    const folder = t.testdir();
    for (const name of ['train/a/1', 'train/b/2', 'test/a/1', 'test/b/2']) await write(join(folder, `${name}.png`), 2);
    await change(folder);
    const data = { images: join(folder, 'train'), test: { images: join(folder, 'test') }, normalize: { divide: 255 } };
    const problem = await problemOf(folder, data, { model: '4-2' });
    if (expected) t.match(problem, expected, what);
    else t.equal(problem, undefined, what);
  }
  const empty = t.testdir({ train: {}, bare: { a: {} } });
  t.equal(
    await problemOf(empty, { images: join(empty, 'train') }),
    'train: expected a folder for each class, with images in it, and there is none',
  );
  t.equal(
    await problemOf(empty, { images: join(empty, 'bare') }),
    'bare: expected PNG or JPEG images in its folders (a), and there are none',
  );
});
