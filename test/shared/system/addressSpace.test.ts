import { test } from 'tap';
import { addressLimitIn } from '../../../src/shared/system/addressSpace.js';
import { ownCommand, someMnist, startProgram } from '../../fixtures/cli.js';

const limits = (bytes: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax address space         ${bytes.padEnd(20)} unlimited            bytes     \nMax open files            1024 4096 files\n`;

test('the limit of addresses', async (t) => {
  t.equal(addressLimitIn(limits('30720000000')), 30_720_000_000);
  t.equal(addressLimitIn(limits('unlimited')), undefined);
  t.equal(addressLimitIn(''), undefined);
});

test('with few addresses a run trains, or says what limits it', {
  skip: process.platform !== 'linux' && 'ulimit -v is of Linux',
}, async (t) => {
  const up = (kib: number, ...more: readonly string[]) =>
    startProgram(t, [
      'sh',
      '-c',
      `ulimit -v ${kib}; exec "$@"`,
      'sh',
      ...ownCommand,
      'up',
      ...someMnist,
      '--epochs',
      '1',
      '--runs',
      t.testdir(),
      ...more,
    ]).ended;
  const { code, stderr } = await up(30_000_000, '--workers', '2');
  t.equal(code, 0, stderr);
  const small = await up(16_000_000, '--workers', '1');
  if (small.code !== 0)
    t.match(small.stderr, /^error: .* \(ulimit -v\): type ulimit -v unlimited or set NODE_OPTIONS=--disable-wasm-trap-handler$/m);
});
