import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { errorCode, UsageError } from '../../shared/text/errors.js';

/** A machine that workers are started on, as ssh knows it. */
export interface Host {
  /** `node1`, `me@node1`, or an address; an IPv6 address without its brackets, as ssh takes it. */
  readonly name: string;
  /** Workers on it; undefined: one a GPU, or one a core where it has none. */
  readonly slots: number | undefined;
}

/**
 * `node1:4,me@node2,10.0.0.7:2`: hosts with the number of their workers.
 * @throws UsageError
 */
export function parseHosts(flag: string, text: string): Host[] {
  return unique(
    flag,
    text.split(',').map((part) => parseHost(flag, part.trim())),
  );
}

/**
 * A file with a host a line, as mpirun reads them: `node1 slots=4`, `node1:4` or `node1`; `#` begins a comment.
 * @throws UsageError where it cannot be read, or says something else
 */
export function readHostFile(path: string): Host[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--hostfile: ${path} cannot be read (${errorCode(error)})`);
  }
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim());
  const hosts = lines.filter((line) => line !== '').map((line) => parseHost(path, line.replace(/\s+slots\s*=\s*/, ':')));
  if (hosts.length === 0) throw new UsageError(`--hostfile: ${path} names no host`);
  return unique(path, hosts);
}

/** Neither a user nor a host may begin with a dash, which ssh would take for an option. An IPv6 address stands in brackets. */
const hostPattern = /^(?<user>\w[\w.-]*@)?(?:(?<host>\w[\w.-]*)|\[(?<address>[\da-fA-F:.]+(?:%[\w.-]+)?)\])(?::(?<slots>\d+))?$/;

function parseHost(source: string, text: string): Host {
  const { user = '', host, address, slots } = hostPattern.exec(text)?.groups ?? {};
  const place = host ?? (address !== undefined && isIPv6(address) ? address : undefined);
  if (place === undefined || slots === '0')
    throw new UsageError(
      `${source}: expected a host such as node1, node1:4, me@node1 or [fd00::7]:4, got ${text === '' ? 'nothing' : JSON.stringify(text)}`,
    );
  return { name: `${user}${place}`, slots: slots === undefined ? undefined : Number(slots) };
}

function unique(source: string, hosts: readonly Host[]): Host[] {
  const twice = hosts.find(({ name }, i) => hosts.findIndex((other) => other.name === name) !== i);
  if (twice) throw new UsageError(`${source}: ${twice.name} stands there twice; name it once, with all its workers`);
  return [...hosts];
}
