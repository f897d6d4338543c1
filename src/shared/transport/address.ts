import { UsageError } from '../text/errors.js';

/** Where a coordinator listens. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'ipc'; readonly path: string };

/** @throws UsageError for anything but tcp://HOST:PORT and ipc://PATH */
export function parseAddress(address: string): Address {
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/\s[\]]+):(\d{1,5})$/.exec(address);
  if (tcp) {
    const [, host = '', port = ''] = tcp;
    if (Number(port) <= 65_535) return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  }
  const ipc = /^ipc:\/\/(\/.+)$/.exec(address);
  if (ipc?.[1] !== undefined) return { kind: 'ipc', path: ipc[1] };
  const bare = /^tcp:\/\/([\da-fA-F]*:[\da-fA-F:]*:[\da-fA-F.]*):(\d{1,5})$/.exec(address);
  if (bare) throw new UsageError(`expected an IPv6 address in brackets, as tcp://[${bare[1]}]:${bare[2]}, got ${JSON.stringify(address)}`);
  throw new UsageError(`expected an address such as tcp://HOST:PORT, got ${JSON.stringify(address)}`);
}

/** Does a socket need IPv6 for it? Names are looked up before. */
export function isIpv6(address: string): boolean {
  return address.startsWith('tcp://[');
}

/** Does only this machine reach the address? */
export function isLoopback(address: Address): boolean {
  return address.kind === 'ipc' || address.host === 'localhost' || address.host === '::1' || /^127(\.\d{1,3}){3}$/.test(address.host);
}

/** Does it stand for all addresses of a machine? Nobody can connect to it then. */
export function isEverywhere(address: Address): boolean {
  return address.kind === 'tcp' && ['0.0.0.0', '::', '*'].includes(address.host);
}

/**
 * An address as workers elsewhere reach it.
 * @param bound where a socket listens, perhaps at all addresses of its machine
 * @param host name or address of that machine
 */
export function addressAt(bound: string, host: string): string {
  const address = parseAddress(bound);
  if (address.kind === 'ipc' || !isEverywhere(address)) return bound;
  return `tcp://${hostInAddress(host)}:${address.port}`;
}

/** A name or address as it stands in an address: one of IPv6 in brackets. */
export function hostInAddress(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
