import { randomBytes, timingSafeEqual } from 'node:crypto';
import { hostname } from 'node:os';
import { UsageError } from '../text/errors.js';
import { hostInAddress } from '../transport/address.js';

/** Where a dashboard listens. */
export interface DashboardAddress {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
}

/**
 * `8080`, `0.0.0.0:8080`, `[::1]:8080` or nothing, which is any free port of this machine alone.
 * @param flag names it in messages
 * @throws UsageError
 */
export function dashboardAddress(flag: string, text: string): DashboardAddress {
  if (text === '') return { host: '127.0.0.1', port: 0 };
  const [, host, port = ''] = /^(?:(\[[^\]]+\]|[^:[\]]+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) throw new UsageError(`${flag}: expected a port such as 8080, or HOST:PORT, got ${text}`);
  return { host: host === undefined ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** The root of a server, as a browser of another machine reaches it where that may: at all addresses of this one, by its name. */
export function urlAt({ host }: Pick<DashboardAddress, 'host'>, port: number): string {
  const isEverywhere = host === '0.0.0.0' || /^[0:]+$/.test(host);
  return `http://${hostInAddress(isEverywhere ? hostname() : host)}:${port}/`;
}

const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

export function isLocal({ host }: Pick<DashboardAddress, 'host'>): boolean {
  return localNames.has(host);
}

/** Environment variable with a token to use instead of a random one. */
export const tokenVariable = 'BPNN_DIST_TOKEN';

export function newToken(): string {
  return randomBytes(18).toString('base64url');
}

/** Who may see a dashboard: on this machine everyone, elsewhere whoever has the token. */
export type Gate = (request: { readonly headers: Readonly<Record<string, unknown>>; readonly query: unknown }) => Verdict;

export type Verdict =
  | { readonly kind: 'in' }
  /** The token came in the address: it becomes a cookie, so that it stands there no longer. */
  | { readonly kind: 'cookie'; readonly cookie: string }
  | { readonly kind: 'out'; readonly code: 401 | 403; readonly reason: string };

/** @param port that is listened at: cookies of one machine are for all its ports */
export function gateFor(address: Pick<DashboardAddress, 'host'>, port: () => number, token: string | undefined): Gate {
  const cookieName = (): string => `bpnn-dist-${port()}`;
  return ({ headers, query }) => {
    // A link from another site may lead here, but no other page may ask for anything.
    if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
      return { kind: 'out', code: 403, reason: 'asked for by a page of another site' };
    }
    if (token === undefined) {
      // A page from elsewhere could give its own name this machine's address and read what is shown here.
      const name = hostOf(String(headers['host'] ?? ''));
      if (localNames.has(name) || name === address.host) return { kind: 'in' };
      return { kind: 'out', code: 403, reason: `asked for as ${name}: expected localhost or ${address.host}` };
    }
    const given = queryToken(query);
    if (given !== undefined && isSame(given, token)) {
      return { kind: 'cookie', cookie: `${cookieName()}=${token}; HttpOnly; SameSite=Strict; Path=/` };
    }
    const [, bearer] = /^Bearer +(\S+) *$/i.exec(String(headers['authorization'] ?? '')) ?? [];
    const [, cookie] = new RegExp(`(?:^|; )${cookieName()}=([^;]+)`).exec(String(headers['cookie'] ?? '')) ?? [];
    if ([bearer, cookie].some((one) => one !== undefined && isSame(one, token))) return { kind: 'in' };
    return { kind: 'out', code: 401, reason: 'open the address that was printed where this was started: the token stands in it' };
  };
}

function hostOf(header: string): string {
  return header.replace(/:\d+$/, '');
}

function queryToken(query: unknown): string | undefined {
  const token = typeof query === 'object' && query !== null && 'token' in query ? query.token : undefined;
  return typeof token === 'string' ? token : undefined;
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}
