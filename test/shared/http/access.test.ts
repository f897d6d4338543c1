import { hostname } from 'node:os';
import { test } from 'tap';
import { dashboardAddress, gateFor, isLocal, newToken, urlAt } from '../../../src/shared/http/access.js';

test('where to listen', async (t) => {
  t.same(dashboardAddress('--port', ''), { host: '127.0.0.1', port: 0 });
  t.same(dashboardAddress('--port', '8080'), { host: '127.0.0.1', port: 8080 });
  t.same(dashboardAddress('--port', '0.0.0.0:80'), { host: '0.0.0.0', port: 80 });
  t.same(dashboardAddress('--port', '[::1]:80'), { host: '::1', port: 80 });
  for (const text of ['http', '70000', 'localhost', ':80', '::1:80', '-1']) {
    t.throws(() => dashboardAddress('--port', text), {
      name: 'UsageError',
      message: `--port: expected a port such as 8080, or HOST:PORT, got ${text}`,
    });
  }
});

test('the address that is printed is one that others reach', async (t) => {
  for (const host of ['0.0.0.0', '::', '0:0:0:0:0:0:0:0']) t.equal(urlAt({ host }, 80), `http://${hostname()}:80/`, host);
  t.equal(urlAt({ host: '127.0.0.1' }, 8080), 'http://127.0.0.1:8080/');
  t.equal(urlAt({ host: 'fe80::1' }, 80), 'http://[fe80::1]:80/');
});

test('the scheme of a token is in any case', async (t) => {
  const gate = gateFor({ host: '0.0.0.0' }, () => 80, 'secret');
  for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
    t.same(gate({ headers: { authorization: `${scheme} secret` }, query: {} }), { kind: 'in' }, scheme);
  }
  t.match(gate({ headers: { authorization: 'bearer other' }, query: {} }), { kind: 'out', code: 401 });
});

test('what is on this machine', async (t) => {
  for (const host of ['127.0.0.1', 'localhost', '::1']) t.ok(isLocal({ host }), host);
  for (const host of ['0.0.0.0', '192.168.0.7', '::', 'localhost.example.org']) t.notOk(isLocal({ host }), host);
});

test('on this machine everyone is let in, but no page of another name', async (t) => {
  const gate = gateFor({ host: '127.0.0.1' }, () => 80, undefined);
  for (const host of ['127.0.0.1:8080', 'localhost:8080', '[::1]:8080']) t.equal(gate({ headers: { host }, query: {} }).kind, 'in', host);
  for (const host of ['evil.example:8080', '', 'localhost.evil.example']) {
    t.match(gate({ headers: { host }, query: {} }), { kind: 'out', code: 403 }, host);
  }
});

test('a page of another site can lead here, and nothing more', async (t) => {
  const gate = gateFor({ host: '127.0.0.1' }, () => 80, undefined);
  const from = { host: '127.0.0.1:80', 'sec-fetch-site': 'cross-site' };
  t.match(gate({ headers: { ...from, 'sec-fetch-mode': 'no-cors' }, query: {} }), { kind: 'out', code: 403 });
  t.equal(gate({ headers: { ...from, 'sec-fetch-mode': 'navigate' }, query: {} }).kind, 'in');
});

test('cookies of other ports of the same machine do not count', async (t) => {
  const token = newToken();
  const gate = gateFor({ host: '0.0.0.0' }, () => 80, token);
  t.equal(gate({ headers: { host: 'machine', cookie: `bpnn-dist-81=x; bpnn-dist-80=${token}` }, query: {} }).kind, 'in');
  t.equal(gate({ headers: { host: 'machine', cookie: `bpnn-dist-81=${token}` }, query: {} }).kind, 'out');
});

test('elsewhere only whoever has the token', async (t) => {
  const token = newToken();
  t.match(token, /^[\w-]{24}$/);
  const gate = gateFor({ host: '0.0.0.0' }, () => 80, token);
  const host = 'machine:80';
  t.match(gate({ headers: { host }, query: {} }), { kind: 'out', code: 401 });
  t.match(gate({ headers: { host }, query: { token: `${token}x` } }), { kind: 'out', code: 401 });
  t.match(gate({ headers: { host, cookie: 'bpnn-dist-80=wrong' }, query: { token: [token] } }), { kind: 'out', code: 401 });
  const first = gate({ headers: { host }, query: { token } });
  t.equal(first.kind, 'cookie');
  const cookie = first.kind === 'cookie' ? first.cookie : '';
  t.match(cookie, /; HttpOnly; SameSite=Strict; Path=\/$/);
  t.equal(gate({ headers: { host, cookie: `a=b; ${cookie.split(';')[0]}` }, query: {} }).kind, 'in');
  t.equal(gate({ headers: { host, authorization: `Bearer ${token}` }, query: {} }).kind, 'in', 'as Prometheus sends it');
});
