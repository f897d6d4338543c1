import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type Address, hostInAddress, parseAddress } from '../shared/address.js';
import { announcedAddress } from '../shared/addressFile.js';
import { errorCode, errorMessage, RunError } from '../shared/errors.js';

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
    const result = await tryOnce('address' in where ? parseAddress(where.address) : announcedAddress(where.addressFile));
    if (result.isOpen) return result.address;
    if (result.reason !== lastReason) say(`${name}: ${result.reason}; waiting`);
    lastReason = result.reason;
    if (performance.now() + retryInterval > deadline) {
      throw new RunError(`no coordinator at ${name} within ${connectTimeout} s: ${result.reason}`);
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

type Result = { readonly isOpen: true; readonly address: string } | { readonly isOpen: false; readonly reason: string };

async function tryOnce(target: Address | undefined): Promise<Result> {
  if (target === undefined) return { isOpen: false, reason: 'no coordinator has written its address there' };
  if (target.kind === 'ipc') {
    const reason = await reasonClosed({ path: target.path });
    return reason === undefined ? { isOpen: true, address: `ipc://${target.path}` } : { isOpen: false, reason };
  }
  let host: { address: string; family: number };
  try {
    host = await lookup(target.host);
  } catch (error) {
    return { isOpen: false, reason: `the name ${target.host} does not resolve (${errorCode(error) || errorMessage(error)})` };
  }
  const reason = await reasonClosed({ host: host.address, port: target.port });
  if (reason !== undefined) return { isOpen: false, reason };
  return { isOpen: true, address: `tcp://${hostInAddress(host.address)}:${target.port}` };
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
