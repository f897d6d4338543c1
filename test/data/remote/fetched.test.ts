import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { test } from 'tap';
import { alone } from '../../../src/data/cache/lock.js';
import type { CachePlace } from '../../../src/data/cache/place.js';
import { fetched } from '../../../src/data/remote/fetched.js';
import { blockSize } from '../../../src/data/remote/partialFile.js';
import { FileServer, someBytes } from '../../fixtures/fileServer.js';

/** A place for copies, and what was said. */
function placeIn(folder: string): CachePlace & { readonly said: string[]; readonly progress: string[] } {
  const [said, progress]: [string[], string[]] = [[], []];
  return {
    ...{ folders: [join(folder, 'data')], said, progress },
    say: (line) => said.push(line.replace(/127\.0\.0\.1:\d+/, 'HOST').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, 'DATE')),
    onProgress: (_, done, total) => progress.push(`${done}/${total}`),
  };
}

const bytes = someBytes(3 * blockSize - 1_000);
const blocks = [0, 1, 2].map((i) => `${i * blockSize}-${Math.min((i + 1) * blockSize, bytes.length) - 1}`);

test('a file is fetched in blocks, once', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/a b/x.npy', { bytes, etag: '"1"', modified: 'Fri, 27 Nov 2026 10:00:00 GMT' });
  const place = placeIn(t.testdir());
  const address = `${server.origin}/a%20b/x.npy?key=secret`;
  const path = await fetched(address, place);
  t.equal(basename(path), 'x.npy');
  t.match(dirname(path), /\/data\/fetched\/[0-9a-f]{16}$/);
  t.ok(readFileSync(path).equals(bytes));
  t.same(server.asked.toSorted(), [...blocks.map((range) => `GET /a%20b/x.npy ${range}`), 'HEAD /a%20b/x.npy'].toSorted());
  t.same(place.progress, ['0/3', '1/3', '2/3', '3/3']);
  t.same(readdirSync(dirname(path)).sort(), ['source.json', 'x.npy']);
  t.same(readdirSync(join(path, '../..')), [basename(dirname(path))], 'no lock is left');
  const source = readFileSync(join(dirname(path), 'source.json'), 'utf8');
  t.match(JSON.parse(source), { address: `${server.origin}/a%20b/x.npy?...`, size: bytes.length, etag: '"1"', fetched: /^\d{4}-/ });
  t.notMatch(source, 'secret');

  t.equal(await fetched(address, place), path);
  t.same(server.asked.slice(4), ['HEAD /a%20b/x.npy'], 'only asked whether it is the same');
  t.same(place.said, []);
});

test('what has come before an interruption is not fetched again', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes, modified: 'Fri, 27 Nov 2026 10:00:00 GMT' });
  const place = placeIn(t.testdir());
  const interrupt = (_: string, done: number): void => {
    if (done === 1) throw new Error('interrupted');
  };
  await t.rejects(fetched(`${server.origin}/x`, { ...place, onProgress: interrupt }), { message: 'interrupted' });
  server.asked.length = 0;
  t.ok(readFileSync(await fetched(`${server.origin}/x`, place)).equals(bytes));
  t.same(server.asked.toSorted(), [`GET /x ${blocks[1]}`, `GET /x ${blocks[2]}`, 'HEAD /x'].toSorted());
  t.same(place.progress, ['1/3', '2/3', '3/3']);
});

test('connections that break, and servers that are busy, are asked again', async (t) => {
  const server = await FileServer.start(t);
  const file = { bytes, etag: '"1"' };
  server.files.set('/x', file);
  const seen = new Set<string>();
  server.otherwise = (request, response, range = 'HEAD') => {
    if (seen.has(range) || seen.size === 3) return false;
    seen.add(range);
    if (range === 'HEAD') response.writeHead(503).end();
    else if (range === blocks[0]) request.socket.destroy();
    else {
      const [from = 0, to = 0] = range.split('-').map(Number);
      response.writeHead(206, { 'content-range': `bytes ${range}/${bytes.length}`, etag: '"1"', 'content-length': to + 1 - from });
      response.write(bytes.subarray(from, from + 1_000), () => request.socket.destroy());
    }
    return true;
  };
  t.ok(readFileSync(await fetched(`${server.origin}/x`, placeIn(t.testdir()))).equals(bytes));
});

test('a server that sends wholes, and never to their end', async (t) => {
  const server = await FileServer.start(t);
  server.otherwise = ({ method, socket }, response) => {
    response.writeHead(200, { 'content-length': bytes.length, etag: '"1"' });
    if (method === 'HEAD') response.end();
    else response.write(bytes.subarray(0, 1_000), () => socket.destroy());
    return true;
  };
  await t.rejects(fetched(`${server.origin}/x`, placeIn(t.testdir())), {
    name: 'DataError',
    message: /x: cannot be fetched: the connection broke \(\w+\), and the server sends files as wholes only; try again/,
  });
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 4);
});

test('servers without ranges, lengths or HEAD', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/whole', { bytes, etag: '"1"', hasNoRanges: true });
  server.files.set('/stream', { bytes, hasNoRanges: true, hasNoLength: true });
  server.files.set('/unknown', { bytes, etag: '"1"', hasNoLength: true });
  server.files.set('/empty', { bytes: Buffer.of(), etag: '"1"' });
  server.files.set('/signed', { bytes, etag: '"1"' });
  server.otherwise = ({ method, url }, response) => {
    if (method !== 'HEAD' || url !== '/signed') return false;
    response.writeHead(403).end();
    return true;
  };
  const place = placeIn(t.testdir());
  for (const [name, expected] of [...server.files].map(([name, file]) => [name, file.bytes] as const))
    t.ok(readFileSync(await fetched(`${server.origin}${name}`, place)).equals(expected), name);
  const gets = (name: string): number =>
    server.asked.filter((line) => line === `GET ${name}` || line === `GET ${name} ${blocks[0]}`).length;
  for (const name of ['/whole', '/stream', '/unknown']) await fetched(`${server.origin}${name}`, place);
  t.equal(gets('/whole'), 1);
  t.equal(gets('/unknown'), 1);
  t.equal(gets('/stream'), 2, 'what nothing tells from another one is fetched anew');
  t.same(place.said, ['http://HOST/stream may no longer be the file of DATE: it is fetched anew']);
});

test('a file that has changed is fetched anew, also while it is fetched', async (t) => {
  const server = await FileServer.start(t);
  const other = someBytes(bytes.length).fill(7, 0, 100);
  server.files.set('/x', { bytes, etag: '"1"' });
  const place = placeIn(t.testdir());
  const address = `${server.origin}/x`;
  await fetched(address, place);
  server.files.set('/x', { bytes: other, etag: '"2"' });
  const path = await fetched(address, place);
  t.ok(readFileSync(path).equals(other));

  server.files.set('/x', { bytes, etag: '"3"' });
  server.otherwise = (_, __, range) => {
    if (range === blocks[0]) queueMicrotask(() => server.files.set('/x', { bytes: other, etag: '"4"' }));
    return false;
  };
  t.ok(readFileSync(await fetched(address, place)).equals(other), 'no block of one stands beside one of the other');
  t.same(place.said, [
    'http://HOST/x may no longer be the file of DATE: it is fetched anew',
    'http://HOST/x may no longer be the file of DATE: it is fetched anew',
    'http://HOST/x has changed while it was fetched: begun anew',
  ]);

  let version = 10;
  server.otherwise = () => {
    server.files.set('/x', { bytes, etag: `"${version++}"` });
    return false;
  };
  await t.rejects(fetched(address, place), { name: 'DataError', message: /x: was another file each time while it was fetched/ });
});

test('two that start at once fetch a file once', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes, etag: '"1"' });
  const place = placeIn(t.testdir());
  const [one, two] = await Promise.all([1, 2].map(() => fetched(`${server.origin}/x`, place)));
  t.equal(one, two);
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 3);
});

test('a copy that another place has is used', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes, etag: '"1"' });
  const folder = t.testdir();
  const path = await fetched(`${server.origin}/x`, { folders: [join(folder, 'beside')] });
  t.equal(await fetched(`${server.origin}/x`, { folders: [join(folder, 'own'), join(folder, 'beside')] }), path);
  t.notOk(existsSync(join(folder, 'own')));
});

test('a server that cannot be reached: the copy, and where there is none, why', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes, etag: '"1"' });
  const place = placeIn(t.testdir());
  const address = `${server.origin}/x`;
  const path = await fetched(address, place);
  await server.stop();
  const [known] = await Promise.all([
    fetched(address, place),
    t.rejects(fetched(`${address}?key=secret`, place), {
      name: 'DataError',
      message: `${address}?...: cannot be fetched: nobody listens there (ECONNREFUSED); try again: blocks that have come are kept`,
    }),
  ]);
  t.equal(known, path);
  t.same(place.said, ['http://HOST/x cannot be reached (nobody listens there (ECONNREFUSED)): the copy of DATE is used']);
});

test('an address that is signed and has expired: the copy, and where there is none, why', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes, etag: '"1"' });
  const place = placeIn(t.testdir());
  const address = `${server.origin}/x?sig=a`;
  const path = await fetched(address, place);
  for (const status of [401, 403]) {
    server.otherwise = (_, response) => Boolean(response.writeHead(status).end());
    t.equal(await fetched(address, place), path);
    await t.rejects(fetched(`${server.origin}/x?sig=b`, place), { name: 'DataError', message: /x\?\.\.\.: no permission to read it/ });
  }
  t.same(place.said, [
    'http://HOST/x?... answers 401 Unauthorized: the copy of DATE is used',
    'http://HOST/x?... answers 403 Forbidden: the copy of DATE is used',
  ]);
});

test('a server that sends more than was asked for overwrites nothing', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/part', { bytes, etag: '"1"' });
  server.files.set('/whole', { bytes, etag: '"1"' });
  let isTooLong = true;
  server.otherwise = ({ method, url }, response, range) => {
    if (method !== 'GET' || !isTooLong || (url === '/part' && range !== blocks[1])) return false;
    const [from] = (range ?? '').split('-').map(Number);
    const isWhole = url === '/whole';
    response.writeHead(isWhole ? 200 : 206, { etag: '"1"', ...(!isWhole && { 'content-range': `bytes ${range}/${bytes.length}` }) });
    if (!isWhole) response.write(bytes.subarray(from, (from ?? 0) + blockSize));
    // There is no end of it.
    const more = Buffer.alloc(2 ** 20, 7);
    const goOn = (): void => {
      response.write(more, (error) => error ?? goOn());
    };
    goOn();
    return true;
  };
  const place = placeIn(t.testdir());
  for (const [name, size] of [
    ['part', blockSize],
    ['whole', bytes.length],
  ] as const) {
    await t.rejects(fetched(`${server.origin}/${name}`, place), {
      name: 'DataError',
      message: new RegExp(`/${name}: cannot be fetched: its server sends more than the ${size} bytes that it should`),
    });
  }
  isTooLong = false;
  server.asked.length = 0;
  t.ok(readFileSync(await fetched(`${server.origin}/part`, place)).equals(bytes));
  t.same(server.asked, ['HEAD /part', `GET /part ${blocks[1]}`], 'the blocks around it are kept, as they were');
});

test('a fetch that nobody wants any more ends, whatever it waits for, and is gone on with', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes, etag: '"1"' });
  const folder = t.testdir();
  for (const [what, answer] of [
    ['HEAD', () => true],
    ['a busy server', (response) => Boolean(response.writeHead(503, { 'retry-after': '30' }).end())],
    [blocks[0], () => true],
    [
      blocks[2],
      (response) => Boolean(response.writeHead(206, { etag: '"1"', 'content-range': `bytes ${blocks[2]}/${bytes.length}` }).write('x')),
    ],
  ] as readonly (readonly [string, (response: ServerResponse) => boolean])[]) {
    const over = new AbortController();
    const [reason, place] = [new Error('over'), { ...placeIn(folder), signal: over.signal }];
    server.otherwise = ({ method }, response, range) => {
      const isIt = range === what || (method === 'HEAD' && !blocks.includes(what));
      if (!isIt) return false;
      // What is under way has come by then, unless it is what never comes.
      setImmediate(() => over.abort(reason));
      return answer(response);
    };
    await t.rejects(fetched(`${server.origin}/x`, place), reason, what);
    t.same(place.said, [], what);
  }
  server.otherwise = () => false;
  t.ok(readFileSync(await fetched(`${server.origin}/x`, placeIn(folder))).equals(bytes));
  await t.rejects(fetched(`${server.origin}/x`, { ...placeIn(folder), signal: AbortSignal.abort(new Error('over')) }), { message: 'over' });
});

test('nobody waits for a lock longer than what it guards is wanted', async (t) => {
  const lock = join(t.testdir(), 'lock');
  const over = new AbortController();
  let done = false;
  await alone(
    lock,
    () => done,
    async () => {
      const waiting = alone(
        lock,
        () => false,
        async () => void t.fail('it is held'),
        { what: 'tests', signal: over.signal },
      );
      over.abort();
      await t.rejects(waiting, { name: 'AbortError' });
      done = true;
    },
    { what: 'tests' },
  );
});

test('what a server refuses is said', async (t) => {
  const server = await FileServer.start(t);
  const statuses: Readonly<Record<string, number>> = { '/gone': 410, '/forbidden': 403, '/teapot': 418 };
  server.files.set('/packed', { bytes, etag: '"1"' });
  server.otherwise = ({ method, url = '' }, response) => {
    const status = statuses[url];
    if (status !== undefined) response.writeHead(status).end();
    else if (url === '/packed' && method === 'GET')
      response.writeHead(200, { 'content-encoding': 'gzip', etag: '"1"', 'content-length': bytes.length }).end(bytes);
    else if (url === '/large') response.writeHead(200, { 'content-length': 2 ** 52, etag: '"1"' }).end();
    else return false;
    return true;
  };
  const place = placeIn(t.testdir());
  const { origin } = server;
  const secured = origin.replace('http', 'https');
  for (const [address, message] of [
    [`${origin}/missing`, `${origin}/missing: no such file: its server answers 404 Not Found`],
    [`${origin}/gone`, `${origin}/gone: no such file: its server answers 410 Gone`],
    [`${origin}/forbidden`, /forbidden: no permission to read it: its server answers 403 Forbidden; expected an address that everyone may/],
    [`${origin}/teapot`, `${origin}/teapot: its server answers 418 I'm a Teapot, expected the file`],
    [`${origin}/packed`, `${origin}/packed: expected the file as it is, got it packed (gzip)`],
    [`${origin}/large`, /large: needs 4503599627370496 bytes, and there are \d+ free at /],
    [`${secured}/x`, /x: its server does not speak TLS \(\w+\): is it http:\/\/\?/],
    ['http://u:secret@127.0.0.1/x', /^http:\/\/127.0.0.1\/x: holds a name or a password, .* expected an address without/],
    ['http://u:sec/ret@127.0.0.1/x', /^http:\/\/127.0.0.1\/x: expected an address such as/],
    [`${origin}/folder/`, `${origin}/folder/: expected the address of a file, got that of a folder`],
    ['s3://bucket/a/../b', 's3://bucket/a/../b: expected s3://BUCKET/KEY, the key of a file without empty parts, . and ..'],
  ] as const)
    await t.rejects(fetched(address, place), { name: 'DataError', message }, address);
});

test('a proxy that the environment names is asked, but not for what it excepts', async (t) => {
  const server = await FileServer.start(t);
  server.files.set('/x', { bytes: bytes.subarray(0, 100), etag: '"1"' });
  const through: string[] = [];
  const proxy = createServer().on('connect', ({ url = '' }, socket) => {
    through.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const onwards = connect(Number(port), hostname, () => socket.write('HTTP/1.1 200 Connected\r\n\r\n'));
    socket.pipe(onwards).pipe(socket);
    t.teardown(() => onwards.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { http_proxy, no_proxy } = process.env;
  t.teardown(() => {
    proxy.close();
    Object.assign(process.env, { http_proxy: http_proxy ?? '', no_proxy: no_proxy ?? '' });
  });
  process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  process.env['no_proxy'] = '';
  t.equal(readFileSync(await fetched(`${server.origin}/x`, placeIn(t.testdir()))).length, 100);
  t.ok(through.length > 0 && through.every((host) => server.origin.endsWith(host)));
  through.length = 0;
  process.env['no_proxy'] = '127.0.0.1';
  await fetched(`${server.origin}/x?again`, placeIn(t.testdir()));
  t.same(through, []);
});

test('a server may send on to another address, but not a worker to one that it must not open', async (t) => {
  const server = await FileServer.start(t);
  const other = await FileServer.start(t);
  server.files.set('/new/x', { bytes: bytes.subarray(0, 100), etag: '"1"' });
  other.files.set('/x', { bytes: bytes.subarray(0, 50), etag: '"1"' });
  const leadTo: Readonly<Record<string, string>> = { '/old/x': '/new/x', '/away/x': `${other.origin}/x?key=secret`, '/loop': '/loop' };
  server.otherwise = ({ url = '' }, response) => {
    if (leadTo[url] === undefined) return false;
    response.writeHead(302, { location: leadTo[url] }).end();
    return true;
  };
  const place = placeIn(t.testdir());
  const { origin } = server;
  t.equal(readFileSync(await fetched(`${origin}/old/x`, place)).length, 100);
  t.equal(readFileSync(await fetched(`${origin}/away/x`, place)).length, 50);
  await t.rejects(fetched(`${origin}/loop`, place), { message: `${origin}/loop: leads from address to address, more than 5 times` });

  const worker = { folders: [join(t.testdirName, 'worker')], urls: [`${origin}/old/`, `${origin}/away`] };
  for (const [path, to] of [
    ['/old/x', `${origin}/new/x`],
    ['/away/x', `${other.origin}/x?...`],
  ]) {
    const message = `${origin}${path}: its server sends on to ${to}, which this worker may not open; start it with --data-url PREFIX`;
    await t.rejects(fetched(`${origin}${path}`, worker), { name: 'DataError', message });
  }
});
