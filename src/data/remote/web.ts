import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { DataError } from '../../shared/text/errors.js';
import { type Address, readAddress, type WebAddress, withoutSecrets } from './dataAddress.js';
import { patiently } from './patiently.js';
import { connectionProblem, isBusy, patience, statusProblem } from './remoteProblems.js';
import { type Answer, Changed, isSameVersion, type Source, type Version } from './source.js';

/** Addresses that one may lead to, one after the other. */
const mostRedirects = 5;

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Statuses of servers that do not answer HEAD, or have signed the address for GET. */
const withoutHead: ReadonlySet<number> = new Set([400, 403, 405, 501]);

type Headers = Readonly<Record<string, string>>;

/**
 * A file on a server of the web.
 * @param mayOpen may an address be opened that the server sends on to?
 */
export function openWeb(address: Address & WebAddress, mayOpen: (address: string) => boolean): Source {
  const { shown } = address;
  const dispatcher = connections();

  /** Whatever answers, of the last address that the first one leads to. */
  function ask(method: 'HEAD' | 'GET', headers: Headers, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    // Bytes are counted as they are kept.
    const options = { method, headers: { ...headers, 'accept-encoding': 'identity' }, dispatcher, signal };
    return patiently(async () => {
      let url = address.url;
      for (let redirects = 0; redirects <= mostRedirects; redirects++) {
        const answer = await request(url, options).catch((error: unknown) => {
          throw connectionProblem(shown, error);
        });
        const { statusCode } = answer;
        const { location } = answer.headers;
        if (!isBusy(statusCode) && !(redirectStatuses.has(statusCode) && typeof location === 'string')) return answer;
        discard(answer);
        if (typeof location !== 'string' || isBusy(statusCode)) throw statusProblem(shown, statusCode, one(answer.headers['retry-after']));
        url = redirected(address, url, location, mayOpen);
      }
      throw new DataError(`${shown}: leads from address to address, more than ${mostRedirects} times`);
    }, signal);
  }

  async function versionBy(method: 'HEAD' | 'GET', headers: Headers, signal: AbortSignal): Promise<Version | number> {
    const answer = await ask(method, headers, signal);
    discard(answer);
    const isEmpty = answer.statusCode === 416 && totalOf(answer) === 0;
    return answer.statusCode < 300 || isEmpty ? versionOf(answer) : answer.statusCode;
  }

  return {
    async version(signal) {
      const told = await versionBy('HEAD', {}, signal);
      if (typeof told === 'number' ? !withoutHead.has(told) : told.size) return versionOr(shown, told);
      return versionOr(shown, await versionBy('GET', { range: 'bytes=0-0' }, signal));
    },
    async read(expected, from, to, signal): Promise<Answer> {
      const answer = await ask('GET', to === undefined ? {} : { range: `bytes=${from}-${to - 1}` }, signal);
      const version = versionOf(answer);
      const problem = answerProblem(shown, answer, to === undefined ? undefined : from);
      if (!problem && isSameVersion(version, expected)) return { version, isPart: answer.statusCode === 206, body: answer.body };
      discard(answer);
      throw problem ?? new Changed();
    },
    close: () => dispatcher.destroy(),
  };
}

/** Connections, through the proxy that the environment names, if it does. */
function connections(): Dispatcher {
  const timeouts = { connect: { timeout: patience * 1_000 }, headersTimeout: patience * 1_000, bodyTimeout: patience * 1_000 };
  const hasProxy = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'].some((name) => process.env[name]);
  return hasProxy ? new EnvHttpProxyAgent(timeouts) : new Agent(timeouts);
}

function redirected({ shown }: Address, from: URL, location: string, mayOpen: (address: string) => boolean): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const where = withoutSecrets(to?.href ?? location);
  if (!to || !/^https?:$/.test(to.protocol) || (from.protocol === 'https:' && to.protocol === 'http:'))
    throw new DataError(`${shown}: its server sends on to ${where}, which is not opened`);
  if (!mayOpen(to.href))
    throw new DataError(`${shown}: its server sends on to ${where}, which this worker may not open; start it with --data-url PREFIX`);
  readAddress(to.href);
  return to;
}

/** Why an answer is not what was asked for. @param from first byte of the part; undefined: the whole file */
function answerProblem(shown: string, { statusCode, headers }: Dispatcher.ResponseData, from: number | undefined): Error | undefined {
  if (statusCode === 416 || statusCode === 412) return new Changed();
  if (statusCode !== 200 && statusCode !== 206) return statusProblem(shown, statusCode);
  const { 'content-encoding': encoding, 'content-range': range } = headers;
  if (encoding !== undefined && encoding !== 'identity')
    return new DataError(`${shown}: expected the file as it is, got it packed (${encoding})`);
  if (statusCode === 200 || Number(/^bytes (\d+)-/.exec(String(range))?.[1]) === from) return undefined;
  return new DataError(`${shown}: expected ${from === undefined ? 'the whole file' : `the bytes from ${from}`}, got ${range ?? 'a part'}`);
}

function versionOr(shown: string, told: Version | number): Version {
  if (typeof told === 'number') throw statusProblem(shown, told);
  return told;
}

function versionOf(answer: Dispatcher.ResponseData): Version {
  const { etag, 'last-modified': modified, 'content-length': length } = answer.headers;
  const size = answer.statusCode === 200 ? (length === undefined ? undefined : Number(length)) : totalOf(answer);
  return { size, etag: one(etag), modified: one(modified) };
}

/** Of a file of which a part was sent, or asked for. */
function totalOf({ headers }: Dispatcher.ResponseData): number | undefined {
  const [, total] = /^bytes \S+\/(\d+)$/.exec(String(headers['content-range'])) ?? [];
  return total === undefined ? undefined : Number(total);
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

function discard({ body }: Dispatcher.ResponseData): void {
  body.on('error', () => undefined).destroy();
}
