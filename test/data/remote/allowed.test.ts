import { test } from 'tap';
import { underRoot, urlsUnder } from '../../../src/data/dataRoot.js';
import { checkPrefix, isAllowed } from '../../../src/data/remote/allowed.js';
import { isAddress, splitArrayName, withoutSecrets, withoutSecretsIn } from '../../../src/data/remote/dataAddress.js';

test('what is an address', (t) => {
  for (const path of ['http://h/x', 'HTTPS://h/x', 's3://b/k']) t.ok(isAddress(path), path);
  for (const path of ['x.npy', '/http://x', 'ftp://h/x', 'file:///x', 'http:/x', 's3']) t.notOk(isAddress(path), path);
  t.end();
});

test('the name of an array stands behind an address', (t) => {
  t.same(splitArrayName('https://h/x.npz?key=1#train'), { address: 'https://h/x.npz?key=1', arrayName: '#train' });
  t.same(splitArrayName('s3://b/a#b/x.npz#train'), { address: 's3://b/a#b/x.npz', arrayName: '#train' });
  t.same(splitArrayName('s3://b/x#1.npy'), { address: 's3://b/x#1.npy', arrayName: '' });
  t.end();
});

test('no message holds a password or a signature', (t) => {
  for (const [address, shown] of [
    ['https://u:p@h/x?X-Signature=abc&y#n', 'https://h/x?...#n'],
    ['https://u:p/q@h/x', 'https://h/x'],
    ['https://h/a@b/x', 'https://h/a@b/x'],
    ['s3://b/what?', 's3://b/what?'],
  ] as const)
    t.equal(withoutSecrets(address), shown);
  t.end();
});

test('addresses in words of a command line are shown without secrets', (t) => {
  for (const [word, shown] of [
    ['--data', '--data'],
    ['what?', 'what?'],
    ['https://h/x?sig=a,b}', 'https://h/x?...}'],
    ['--from=HTTPS://u:p@h/x?sig=a#n', '--from=HTTPS://h/x?...#n'],
    ['{"x":"https://h/x.npz?to=http://h/?a,\'b&sig= c#x","y":"s3://b/y?"}', '{"x":"https://h/x.npz?...#x","y":"s3://b/y?"}'],
    ["{ x: 'https://h/x?a=\"&sig=b', take: 3 }", "{ x: 'https://h/x?...', take: 3 }"],
    ['{x: https://h/x?sig=a,b, test: {x: https://h/t?sig=c#x}, take: 3}', '{x: https://h/x?..., test: {x: https://h/t?...#x}, take: 3}'],
    ['[https://h/x?a#x,https://h/y?b#y]', '[https://h/x?...#x,https://h/y?...#y]'],
  ] as const)
    t.equal(withoutSecretsIn(word), shown);
  t.end();
});

test('a worker opens what begins with a prefix, as a whole part of the path', (t) => {
  const prefixes = ['https://data.example/flowers', 'http://127.0.0.1:8080/', 's3://bucket/runs/', 's3://open'];
  for (const path of [
    'https://data.example/flowers',
    'https://data.example/flowers/x.npz?key=1#name',
    'https://DATA.example:443/flowers/a/../x.npy',
    'http://127.0.0.1:8080/x',
    's3://bucket/runs/x',
    's3://open/any/thing',
  ])
    t.ok(isAllowed(path, prefixes), path);
  for (const path of [
    'https://data.example/flowers-2/x',
    'https://data.example/flowers/../x',
    'https://data.example/flowers/%2e%2e/x',
    'https://data.example/flowers/..%2fx',
    'https://data.example/flowers/..\\x',
    'https://data.example/flowers/..%5Cx',
    'https://data.example:444/flowers/x',
    'https://data.example.evil/flowers/x',
    'https://evil/https://data.example/flowers/x',
    'http://data.example/flowers/x',
    'http://127.0.0.1:8081/x',
    'http://127.0.0.1/x',
    's3://bucket/x',
    's3://bucket/runs-2/x',
    's3://Bucket/runs/x',
    's3://open-2/x',
  ])
    t.notOk(isAllowed(path, prefixes), path);
  t.throws(() => isAllowed('s3://bucket/runs/../x', prefixes), { name: 'DataError' });
  t.throws(() => isAllowed('https://data.example@evil/flowers/x', prefixes), { name: 'DataError' });
  t.ok(isAllowed('https://any.example/x', undefined));
  t.notOk(isAllowed('https://any.example/x', []));
  t.end();
});

test('addresses in a run, as a worker may open them', (t) => {
  const spec = { x: 'https://h/a/x.npy', y: 's3://b/y.npy', take: 3 };
  t.same(underRoot(spec, '/', urlsUnder('/', [])), spec);
  t.same(underRoot(spec, '/data', urlsUnder('/data', ['https://h/a/', 's3://b'])), spec);
  const message =
    's3://b/y.npy: begins with none of the addresses that this worker opens data at (https://h/a/); start it with --data-url PREFIX that it begins with';
  t.throws(() => underRoot(spec, '/data', ['https://h/a/']), { name: 'DataError', message });
  t.end();
});

test('a prefix is an address without secrets', (t) => {
  for (const prefix of ['https://h', 'http://h:80/a/', 's3://bucket', 's3://bucket/a']) t.equal(checkPrefix('--data-url', prefix), prefix);
  for (const prefix of ['/data', 'ftp://h/', 'https://u:p@h/', 'https://h/?a=b', 's3://', 'https://'])
    t.throws(() => checkPrefix('--data-url', prefix), {
      name: 'UsageError',
      message: /^--data-url: expected what addresses of data begin/,
    });
  t.end();
});
