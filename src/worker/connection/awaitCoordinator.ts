import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCode, errorMessage, RunError } from '../../shared/text/errors.js';
import { type Address, hostInAddress, isLoopback, parseAddress } from '../../shared/transport/address.js';
import { announcedAddress } from '../../shared/transport/addressFile.js';

/** Milliseconds between two tries. */
const retryInterval = 250;
/** Milliseconds that one try may take: a host that drops packets answers nothing for minutes. */
const tryTimeout = 3_000;

/** Where a coordinator is: at an address, or at the one that stands in a file as long as it is there. */
export type Whereabouts = { readonly address: string } | { readonly addressFile: string };

export interface KnockOptions {
  /** Seconds. */
  readonly connectTimeout: number;
  /** Called with one line whenever the state of things changes. */
  readonly say: (line: string) => void;
  /** Ends the waiting. */
  readonly leave: AbortSignal;
}

/**
 * Waits until something listens where a coordinator should: its address may not be known yet, its name may not resolve
 * yet, its port may be closed yet.
 * @returns the address with its name resolved, for ZeroMQ, which would wait in silence; undefined once told to leave
 * @throws RunError naming address and reason once `connectTimeout` has passed
 */
export async function knock(where: Whereabouts, { connectTimeout, say, leave }: KnockOptions): Promise<string | undefined> {
  const name = 'address' in where ? where.address : where.addressFile;
  const deadline = performance.now() + connectTimeout * 1_000;
  let lastReason = '';
  while (!leave.aborted) {
    const target = 'address' in where ? parseAddress(where.address) : announcedAddress(where.addressFile);
    const tried = await tryOnce(target);
    const result =
      tried.isOpen || 'address' in where || target?.kind !== 'tcp' ? tried : { ...tried, reason: `${textOf(target)}: ${tried.reason}` };
    if (result.isOpen) {
      if ('addressFile' in where || result.address !== where.address) say(`connects to ${result.address}`);
      return result.address;
    }
    if (result.reason !== lastReason) say(`${name}: ${result.reason}; waiting`);
    lastReason = result.reason;
    if (performance.now() + retryInterval > deadline) {
      throw new RunError(`no coordinator at ${name} within ${connectTimeout} s: ${result.reason}${result.isElsewhere ? advertise : ''}`);
    }
    await pauseUnless(leave, retryInterval);
  }
  return undefined;
}

/** Waits so many milliseconds, or until the signal aborts. */
export async function pauseUnless(signal: AbortSignal, milliseconds: number): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

type Result =
  | { readonly isOpen: true; readonly address: string }
  | { readonly isOpen: false; readonly reason: string; readonly isElsewhere?: boolean };

async function tryOnce(target: Address | undefined): Promise<Result> {
  if (target === undefined) return { isOpen: false, reason: 'no coordinator has written its address there' };
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

/** What only the coordinator's side can mend. */
const advertise = '; if this is not an address at which the coordinator can be reached from here, start it with --advertise HOST';

function textOf({ host, port }: Extract<Address, { kind: 'tcp' }>): string {
  return `tcp://${hostInAddress(host)}:${port}`;
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
