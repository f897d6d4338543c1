import { once } from 'node:events';
import { connect } from 'node:net';
import { parseAddress } from '../shared/transport/address.js';
import { LinkLost } from '../worker/connection/linkErrors.js';

/**
 * The address of this machine by which it reaches another: others that reach that one are likely to reach it there, too.
 * @param address where something listens
 * @throws LinkLost where nothing does
 */
export async function ownAddressTowards(address: string): Promise<string> {
  const target = parseAddress(address);
  if (target.kind === 'ipc') return '127.0.0.1';
  const socket = connect({ host: target.host, port: target.port });
  try {
    await once(socket, 'connect');
    return socket.localAddress ?? '127.0.0.1';
  } catch {
    throw new LinkLost(`${address} does not answer any more`);
  } finally {
    socket.destroy();
  }
}
