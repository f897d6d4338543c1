import { RunError } from '../../shared/text/errors.js';
import { type Address, hostInAddress, parseAddress } from '../../shared/transport/address.js';
import { announcedAddress } from '../../shared/transport/addressFile.js';
import { sockets } from '../../shared/transport/sockets.js';
import type { Knocked, Transport } from '../../shared/transport/transport.js';

const notWritten: Knocked = { isOpen: false, reason: 'no coordinator has written its address there' };

/** Milliseconds between two tries. */
const retryInterval = 250;

/** Where a coordinator is: at an address, or at the one that stands in a file as long as it is there. */
export type Whereabouts = { readonly address: string } | { readonly addressFile: string };

export interface KnockOptions {
  /** Seconds. */
  readonly connectTimeout: number;
  /** Called with one line whenever the state of things changes. */
  readonly say: (line: string) => void;
  /** Ends the waiting. */
  readonly leave: AbortSignal;
  /** Default: ZeroMQ's sockets. */
  readonly transport?: Transport | undefined;
}

/**
 * Waits until something listens where a coordinator should: its address may not be known yet, its name may not resolve
 * yet, its port may be closed yet.
 * @returns the address with its name resolved, for ZeroMQ, which would wait in silence; undefined once told to leave
 * @throws RunError naming address and reason once `connectTimeout` has passed
 */
export async function knock(
  where: Whereabouts,
  { connectTimeout, say, leave, transport = sockets }: KnockOptions,
): Promise<string | undefined> {
  const name = 'address' in where ? where.address : where.addressFile;
  const deadline = performance.now() + connectTimeout * 1_000;
  let lastReason = '';
  while (!leave.aborted) {
    const result = await tryOnce(where, transport);
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

async function tryOnce(where: Whereabouts, transport: Transport): Promise<Knocked> {
  if ('address' in where) return transport.knock(parseAddress(where.address));
  const target = announcedAddress(where.addressFile);
  if (!target) return notWritten;
  const tried = await transport.knock(target);
  return tried.isOpen || target.kind !== 'tcp' ? tried : { ...tried, reason: `${textOf(target)}: ${tried.reason}` };
}

/** Waits so many milliseconds, or until the signal aborts. */
export function pauseUnless(signal: AbortSignal, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}

/** What only the coordinator's side can mend. */
const advertise = '; if this is not an address at which the coordinator can be reached from here, start it with --advertise HOST';

function textOf({ host, port }: Extract<Address, { kind: 'tcp' }>): string {
  return `tcp://${hostInAddress(host)}:${port}`;
}
