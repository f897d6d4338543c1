import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Test, test } from 'tap';
import { ZipFile } from 'yazl';
import { type BlasOptions, setupBlas } from '../../src/setup/setupBlas.js';
import type { Wheel } from '../../src/setup/wheel.js';

const linux = { platform: 'linux', arch: 'x64', libc: 'glibc' } as const;
const library = Buffer.from('a library of 300 kB, nearly'.repeat(11_000));

async function archive(name = 'scipy_openblas32/lib/libscipy_openblas.so'): Promise<Buffer> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from('something else'), 'other.txt');
  // Stored as it is: a download that is cut in its middle has some of it.
  zip.addBuffer(library, name, { compress: false });
  zip.end();
  return buffer(zip.outputStream);
}

function wheelOf(bytes: Buffer): Wheel {
  return { package: 'openblas', file: 'openblas-1.whl', bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A package index on loopback; `serve` answers for the wheel. */
async function indexOf(t: Test, serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url !== '/simple/openblas/') serve(request, response);
    else if (request.headers.accept !== 'application/vnd.pypi.simple.v1+json') response.writeHead(406).end();
    else response.end(JSON.stringify({ files: [{ filename: 'openblas-1.whl', url: '../../files/openblas-1.whl', hashes: {} }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
}

function optionsIn(t: Test, wheel: Wheel, more: Partial<BlasOptions>): BlasOptions & { readonly home: string; readonly lines: string[] } {
  if (!existsSync(t.testdirName)) t.testdir();
  const home = join(t.testdirName, 'home');
  process.env['BPNN_DIST_HOME'] = home;
  const lines: string[] = [];
  return { index: 'http://127.0.0.1:1', dryRun: false, say: (line) => void lines.push(line), wheel, ...more, home, lines };
}

test('downloads, checks and unpacks the library, and leaves nothing else', async (t) => {
  const bytes = await archive();
  const index = await indexOf(t, (_, response) => response.end(bytes));
  const seen: number[] = [];
  const options = optionsIn(t, wheelOf(bytes), { index, onProgress: (done) => void seen.push(done) });
  const path = await setupBlas(options, linux);
  t.equal(path, join(options.home, 'openblas', 'libscipy_openblas.so'));
  t.ok(readFileSync(path ?? '').equals(library));
  t.same(readdirSync(join(options.home, 'openblas')), ['libscipy_openblas.so']);
  t.equal(seen.at(-1), bytes.byteLength);
  await setupBlas(options, linux);
  t.match(options.lines.at(-1), /which is replaced/, 'and once more');
});

test('a download that is cut off goes on from there', async (t) => {
  const bytes = await archive();
  const half = Math.floor(bytes.byteLength / 2);
  const ranges: (string | undefined)[] = [];
  const index = await indexOf(t, (request, response) => {
    ranges.push(request.headers.range);
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
    if (start > 0) response.writeHead(206).end(bytes.subarray(start));
    else {
      response.writeHead(200, { 'content-length': bytes.byteLength });
      response.write(bytes.subarray(0, half), () => response.destroy());
    }
  });
  const options = optionsIn(t, wheelOf(bytes), { index });
  await t.rejects(setupBlas(options, linux), { message: /cut off after \d+ bytes .*; the same command goes on from there/ });
  t.notOk(existsSync(join(options.home, 'openblas', 'libscipy_openblas.so')));
  t.ok(readFileSync((await setupBlas(options, linux)) ?? '').equals(library));
  t.match(ranges, [undefined, /^bytes=[1-9]\d*-$/]);
});

test('a server that knows no ranges sends it all again', async (t) => {
  const bytes = await archive();
  const index = await indexOf(t, (_, response) => response.end(bytes));
  const options = optionsIn(t, wheelOf(bytes), { index });
  await setupBlas({ ...options, dryRun: true }, linux);
  t.notOk(existsSync(options.home), 'a dry run writes nothing');
  await setupBlas(options, linux);
  writeFileSync(join(options.home, 'openblas', 'openblas-1.whl.part'), bytes.subarray(0, 1_000));
  t.ok(readFileSync((await setupBlas(options, linux)) ?? '').equals(library));
});

test("an index's name and password go into a header, and are never shown", async (t) => {
  const bytes = await archive();
  const asked: (string | undefined)[] = [];
  const index = await indexOf(t, (request, response) => {
    asked.push(request.headers.authorization);
    response.end(bytes);
  });
  const options = optionsIn(t, wheelOf(bytes), { index: index.replace('http://', 'http://me:s%20cret@') });
  await setupBlas(options, linux);
  t.same(asked, [`Basic ${Buffer.from('me:s cret').toString('base64')}`]);
  t.notMatch(options.lines.join(), /cret/);
  const closed = setupBlas({ ...options, index: 'http://me:secret@127.0.0.1:1/simple' }, linux);
  await t.rejects(closed, { message: /^http:\/\/127\.0\.0\.1:1\/simple\/openblas\/ cannot be reached/ });
  await t.rejects(setupBlas({ ...options, index: 'pypi' }, linux), { message: /expected the address of a package index/ });
});

test('a file that is not the right one is refused and removed', async (t) => {
  const bytes = await archive();
  const forged = Buffer.from(bytes);
  forged[2_000] = (forged[2_000] ?? 0) ^ 1;
  const index = await indexOf(t, (_, response) => response.end(forged));
  const options = optionsIn(t, wheelOf(bytes), { index });
  await t.rejects(setupBlas(options, linux), { message: /expected sha256 .*, got .*; nothing was installed/ });
  t.same(readdirSync(join(options.home, 'openblas')), []);
});

test('takes the wheel from a folder, and leaves it there', async (t) => {
  const bytes = await archive();
  const from = t.testdir({ 'openblas-1.whl': bytes });
  const options = optionsIn(t, wheelOf(bytes), { from });
  t.ok(readFileSync((await setupBlas(options, linux)) ?? '').equals(library));
  t.ok(existsSync(join(from, 'openblas-1.whl')));
  writeFileSync(join(from, 'openblas-1.whl'), 'not it');
  await t.rejects(setupBlas(options, linux), { message: /expected sha256/ });
  t.ok(existsSync(join(from, 'openblas-1.whl')), "the user's file stays even if it is the wrong one");
  await t.rejects(setupBlas({ ...options, from: join(from, 'elsewhere') }, linux), { message: /is not there; .*pip download/ });
});

test('what cannot be had is said with what to do', async (t) => {
  const bytes = await archive('other/name');
  const wheel = wheelOf(bytes);
  const answer = (status: number, body: string) => indexOf(t, (_, response) => void response.writeHead(status).end(body));
  await t.rejects(setupBlas(optionsIn(t, wheel, {}), linux), { message: /cannot be reached .*--index, or a folder of wheels with --from/ });
  await t.rejects(setupBlas(optionsIn(t, wheel, { index: await answer(404, '') }), linux), { message: /404/ });
  await t.rejects(setupBlas(optionsIn(t, { ...wheel, file: 'openblas-2.whl' }, { index: await answer(200, '') }), linux), {
    message: /has no openblas-2.whl/,
  });
  const index = await indexOf(t, (_, response) => response.end(bytes));
  await t.rejects(setupBlas(optionsIn(t, wheel, { index }), linux), { message: /has no scipy_openblas32\/lib/ });
  await t.rejects(setupBlas({ index, dryRun: false, say: () => undefined }, { ...linux, arch: 'mips' }), { message: /linux on mips/ });
  const lines: string[] = [];
  const onMac = setupBlas({ index, dryRun: false, say: (line) => void lines.push(line) }, { ...linux, platform: 'darwin' });
  t.equal(await onMac, undefined);
  t.match(lines[0], /Accelerate/);
});
