import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'tap';
import { libraryMark } from '../../src/engines/libraryMark.js';
import { installedTensorflow } from '../../src/shared/files/home.js';

test('a library that is updated in place has another mark', async (t) => {
  process.env['BPNN_DIST_HOME'] = t.testdir();
  const mark = (): Promise<string> => libraryMark({ engine: 'tensorflow', device: 'cpu' }, 1);
  const addon = installedTensorflow('cpu');
  mkdirSync(dirname(addon), { recursive: true });
  writeFileSync(addon, '1');
  utimesSync(addon, 1, 1);
  const before = await mark();
  t.equal(await mark(), before);
  writeFileSync(addon, '22');
  utimesSync(addon, 1, 1);
  const larger = await mark();
  t.not(larger, before);
  utimesSync(addon, 2, 2);
  t.not(await mark(), larger);
});

test('every engine has one', async (t) => {
  t.match(await libraryMark({ engine: 'onnx', device: 'cpu' }, 1), /^onnxruntime-(node|web) \d+\.\d+\.\d+ \//);
  t.match(await libraryMark({ engine: 'blas', device: 'cpu' }, 1), /\S/);
});
