import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { errorCode, errorMessage } from '../text/errors.js';
import { type Address, hostInAddress, isLoopback, parseAddress } from './address.js';
import type { Knocked } from './transport.js';

/** Milliseconds that one try may take: a host that drops packets answers nothing for minutes. */
const tryTimeout = 3_000;

/** Does something listen at an address? One of a name's addresses is enough. */
export async function knockAt(target: Address): Promise<Knocked> {
  if (target.kind === 'ipc') {
    const reason = await reasonClosed({ path: target.path });
    return reason === undefined ? { isOpen: true, address: `ipc://${target.path}` } : { isOpen: false, reason };
  }
  let hosts: { address: string }[];
  try {
    hosts = await lookup(target.host, { all: true });
  } catch (error) {
    return { isOpen: false, reason: `the name ${target.host} does not resolve (${errorCode(error) || errorMessage(error)})` };
  }
  const reasons: string[] = [];
  for (const { address } of hosts) {
    const reason = await reasonClosed({ host: address, port: target.port });
    if (reason === undefined) return { isOpen: true, address: `tcp://${hostInAddress(address)}:${target.port}` };
    reasons.push(reason);
  }
  return { isOpen: false, reason: closedReason(target.host, hosts, reasons), isElsewhere: !isLoopback(target) };
}

/** Why none of a name's addresses answers, with those that were tried. */
function closedReason(name: string, hosts: readonly { address: string }[], reasons: readonly string[]): string {
  const [first = ''] = reasons;
  const tried = hosts.map(({ address }) => address);
  if (tried.length === 1 && tried[0] === name) return first;
  if (reasons.every((reason) => reason === first)) return `${first}; tried ${tried.join(', ')}`;
  return reasons.map((reason, i) => `${tried[i]}: ${reason}`).join('; ');
}

function reasonClosed(where: { path: string } | { host: string; port: number }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(where);
    const end = (reason?: string): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(tryTimeout, () => end('no answer'));
    socket.once('connect', () => end());
    socket.once('error', (error) => end(words(errorCode(error)) ?? errorMessage(error)));
  });
}

function words(code: string): string | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there (connection refused)';
    case 'ENOENT':
      return 'the socket does not exist';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'the host cannot be reached';
    default:
      return undefined;
  }
}

/** The address of this machine by which it reaches another; undefined where nothing listens there. */
export async function ownAddressTowards(address: string): Promise<string | undefined> {
  const target = parseAddress(address);
  if (target.kind === 'ipc') return '127.0.0.1';
  const socket = connect({ host: target.host, port: target.port });
  try {
    await once(socket, 'connect');
    return socket.localAddress ?? '127.0.0.1';
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
