import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, join } from 'node:path';
import { SignatureV4 } from '@smithy/signature-v4';
import { type Test, test } from 'tap';
import { fetched } from '../../../src/data/remote/fetched.js';
import { blockSize } from '../../../src/data/remote/partialFile.js';
import { FileServer, someBytes } from '../../fixtures/fileServer.js';

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example-secret' };

class Sha256 {
  #hash: Hash | Hmac;
  constructor(readonly secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = this.#fresh();
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    this.#hash = this.#fresh();
  }
  #fresh(): Hash | Hmac {
    return this.secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(this.secret));
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

/** What a request's Authorization header has to be: signature version 4, by the package that signs AWS's own. */
async function rightSignature({ method = '', url = '', headers }: IncomingMessage): Promise<string | undefined> {
  const given = headers.authorization ?? '';
  const [, region = '', signed = ''] =
    /Credential=AKIDEXAMPLE\/\d+\/([\w-]+)\/s3\/aws4_request, SignedHeaders=([\w;-]+), /.exec(given) ?? [];
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const names = new Set(signed.split(';'));
  const request = {
    ...{ method, protocol: 'http:', hostname: '127.0.0.1', path: pathname, query: Object.fromEntries(searchParams) },
    headers: Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (names.has(name) ? [[name, String(value)]] : []))),
  };
  const signer = new SignatureV4({ credentials: keys, region, service: 's3', sha256: Sha256, uriEscapePath: false });
  const at = String(headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
  const { headers: right } = await signer.sign(request, { signingDate: new Date(at), signableHeaders: names });
  return right['authorization'];
}

/** A server that speaks like S3, to whoever has the key, and an environment that leads there. */
async function startS3(t: Test, env: NodeJS.ProcessEnv = {}): Promise<FileServer> {
  const server = await FileServer.start(t);
  server.otherwise = (request, response) => {
    const { method } = request;
    void rightSignature(request).then((right) => {
      const file = server.files.get(decodeURIComponent(new URL(request.url ?? '', 'http://localhost').pathname));
      const [status, code] = right !== request.headers.authorization ? [403, 'SignatureDoesNotMatch'] : [404, 'NoSuchKey'];
      if (status === 404 && file && (request.headers['if-match'] ?? file.etag) === file.etag) server.send(request, response, file);
      else {
        response.writeHead(file && status === 404 ? 412 : status, { 'content-type': 'application/xml' });
        response.end(method === 'HEAD' ? undefined : `<Error><Code>${code}</Code><Message>no</Message></Error>`);
      }
    });
    return true;
  };
  const folder = t.testdir();
  const wanted: NodeJS.ProcessEnv = {
    ...{ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey, AWS_REGION: 'eu-west-7' },
    ...{ AWS_ENDPOINT_URL_S3: server.origin, AWS_ENDPOINT_URL: undefined, AWS_PROFILE: undefined, AWS_SESSION_TOKEN: undefined },
    ...{ AWS_CONFIG_FILE: join(folder, 'config'), AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'), AWS_DEFAULT_REGION: undefined },
    ...{ AWS_EC2_METADATA_DISABLED: 'true', AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: undefined, AWS_MAX_ATTEMPTS: '2' },
    ...env,
  };
  const before = Object.fromEntries(Object.keys(wanted).map((name) => [name, process.env[name]]));
  const set = (values: NodeJS.ProcessEnv): void => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(wanted);
  t.teardown(() => set(before));
  return server;
}

const bytes = someBytes(2 * blockSize + 1_000);

test('a file of S3 is fetched in blocks, signed, and anew where it has changed', async (t) => {
  const server = await startS3(t);
  const modified = 'Fri, 27 Nov 2026 10:00:00 GMT';
  server.files.set('/bucket/a b/é+x.npy', { bytes, etag: '"1"', modified });
  const warned: Error[] = [];
  const onWarning = (warning: Error): void => void warned.push(warning);
  process.on('warning', onWarning);
  t.teardown(() => process.off('warning', onWarning));
  const place = { folders: [join(t.testdirName, 'data')] };
  const path = await fetched('s3://bucket/a b/é+x.npy', place);
  t.equal(basename(path), 'é+x.npy');
  t.ok(readFileSync(path).equals(bytes));
  t.equal(server.asked.filter((line) => line.startsWith('GET')).length, 3);
  t.equal(await fetched('s3://bucket/a b/é+x.npy', place), path);
  t.equal(server.asked.length, 5, 'it has only been asked');
  server.files.set('/bucket/a b/é+x.npy', { bytes: bytes.subarray(0, 100), etag: '"2"', modified });
  t.equal(readFileSync(await fetched('s3://bucket/a b/é+x.npy', place)).length, 100);
  t.same(warned, []);
});

test('a file of S3 that changes while it is fetched, and connections that break', async (t) => {
  const server = await startS3(t);
  const other = someBytes(bytes.length).fill(7, 0, 100);
  server.files.set('/bucket/x', { bytes, etag: '"1"' });
  const answer = server.otherwise;
  let cuts = 1;
  server.otherwise = (request, response, range) => {
    if (range?.startsWith('0-')) queueMicrotask(() => server.files.set('/bucket/x', { bytes: other, etag: '"2"' }));
    else if (range && cuts-- > 0) {
      request.socket.destroy();
      return true;
    }
    return answer(request, response, range);
  };
  t.ok(readFileSync(await fetched('s3://bucket/x', { folders: [join(t.testdirName, 'data')] })).equals(other));
});

test('what S3 refuses is said', async (t) => {
  const place = { folders: [join(t.testdirName, 'data')] };
  await startS3(t);
  await t.rejects(fetched('s3://bucket/missing', place), {
    name: 'DataError',
    message: 's3://bucket/missing: no such file: its server answers 404 Not Found',
  });
  process.env['AWS_SECRET_ACCESS_KEY'] = 'another';
  await t.rejects(fetched('s3://bucket/x', place), {
    message: /^s3:\/\/bucket\/x: no permission to read it: its server answers 403 Forbidden/,
  });
  delete process.env['AWS_SECRET_ACCESS_KEY'];
  await t.rejects(fetched('s3://bucket/x', place), {
    name: 'DataError',
    message: /^s3:\/\/bucket\/x: no credentials for S3 \(.*\): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE/,
  });
  delete process.env['AWS_REGION'];
  await t.rejects(fetched('s3://bucket/x', place), {
    message: 's3://bucket/x: no region is set: set AWS_REGION, such as AWS_REGION=us-east-1',
  });
});

test('credentials of S3 that are good no more: the copy', async (t) => {
  const server = await startS3(t);
  server.files.set('/bucket/x', { bytes, etag: '"1"' });
  const said: string[] = [];
  const place = { folders: [join(t.testdirName, 'data')], say: (line: string) => void said.push(line.replace(/\d{4}-\S+Z/, 'DATE')) };
  const path = await fetched('s3://bucket/x', place);
  process.env['AWS_SECRET_ACCESS_KEY'] = 'another';
  t.equal(await fetched('s3://bucket/x', place), path);
  t.same(said, ['s3://bucket/x answers 403 Forbidden: the copy of DATE is used']);
});

test('a fetch from S3 that nobody wants any more ends, whatever it waits for', async (t) => {
  const server = await startS3(t);
  server.files.set('/bucket/x', { bytes, etag: '"1"' });
  const [answer, first] = [server.otherwise, `0-${blockSize - 1}`];
  for (const [what, answered] of [
    ['HEAD', () => undefined],
    [first, () => undefined],
    [first, (response) => response.writeHead(206, { etag: '"1"', 'content-range': `bytes ${first}/${bytes.length}` }).write('x')],
  ] as readonly (readonly [string, (response: ServerResponse) => unknown])[]) {
    const over = new AbortController();
    server.otherwise = (request, response, range) => {
      if (what !== (range ?? request.method)) return answer(request, response, range);
      answered(response);
      setImmediate(() => over.abort(new Error('over')));
      return true;
    };
    await t.rejects(fetched('s3://bucket/x', { folders: [join(t.testdirName, 'data')], signal: over.signal }), { message: 'over' }, what);
  }
});

test('a server of S3 that cannot be reached', async (t) => {
  const server = await startS3(t);
  await server.stop();
  await t.rejects(fetched('s3://bucket/x', { folders: [join(t.testdirName, 'data')] }), {
    name: 'DataError',
    message: 's3://bucket/x: cannot be fetched: nobody listens there (ECONNREFUSED); try again: blocks that have come are kept',
  });
});
