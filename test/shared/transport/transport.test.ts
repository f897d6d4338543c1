import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'tap';
import { addressAt } from '../../../src/shared/transport/address.js';
import { openHub } from '../../../src/shared/transport/hub.js';
import { openLink } from '../../../src/shared/transport/link.js';
import type { Link } from '../../../src/shared/transport/transport.js';

/** Waits until a link knows that its other end is gone, without reading from it. */
async function lost(link: Link): Promise<void> {
  while (link.lossReason === undefined) await new Promise((resolve) => setImmediate(resolve));
}

test('a link closes although its last message can reach nobody', async (t) => {
  const hub = await openHub({ address: 'tcp://127.0.0.1:0', maxFrameBytes: 1_000 });
  const link = openLink(hub.address, { maxFrameBytes: 1_000 });
  link.send([Buffer.of(1)]);
  for await (const { frames } of hub.messages()) {
    t.same(frames, [Buffer.of(1)]);
    break;
  }
  await hub.close();
  await lost(link);
  link.send([Buffer.of(2)]);
  await link.close();
});

test('a peer that sends more than it may is cut off, and the others are not', async (t) => {
  const hub = await openHub({ address: 'tcp://127.0.0.1:0', maxFrameBytes: 1_000 });
  t.teardown(() => hub.close());
  const [good, bad] = [openLink(hub.address, { maxFrameBytes: 1_000 }), openLink(hub.address, { maxFrameBytes: 1_000 })];
  t.teardown(() => Promise.all([good.close(), bad.close()]));
  bad.send([Buffer.alloc(1_001)]);
  await lost(bad);
  good.send([Buffer.alloc(1_000, 7)]);
  for await (const { frames } of hub.messages()) {
    t.same(frames, [Buffer.alloc(1_000, 7)]);
    break;
  }
});

test('an IPv6 address is listened at and connected to', { skip: hasIpv6() ? false : 'no IPv6 here' }, async (t) => {
  for (const address of ['tcp://[::1]:0', 'tcp://[::]:0']) {
    const hub = await openHub({ address, maxFrameBytes: 1_000 });
    const link = openLink(addressAt(hub.address, '::1'), { maxFrameBytes: 1_000 });
    link.send([Buffer.from('hello')]);
    for await (const { frames } of hub.messages()) {
      t.equal(String(frames[0]), 'hello', address);
      break;
    }
    await link.close();
    await hub.close();
  }
});

test('a port that accepts and says nothing ends the link in time', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted: Socket[] = [];
  server.on('connection', (socket) => accepted.push(socket));
  const { port } = server.address() as AddressInfo;
  const link = openLink(`tcp://127.0.0.1:${port}`, { maxFrameBytes: 1_000, handshakeTimeout: 1 });
  for await (const _ of link.messages()) t.fail('it says nothing');
  t.match(link.lossReason, /^no coordinator at tcp:\/\/127\.0\.0\.1:\d+: it accepts connections, but sent no ZeroMQ handshake within 1 s$/);
  t.equal(link.isTurnedAway, 'yes');
  await link.close();
  for (const socket of accepted) socket.destroy();
  server.close();
});

test('a socket of ZeroMQ that answers nothing ends the link in time', async (t) => {
  const hub = await openHub({ address: 'tcp://127.0.0.1:0', maxFrameBytes: 1_000 });
  const link = openLink(hub.address, { maxFrameBytes: 1_000, handshakeTimeout: 1, answerTimeout: 1 });
  for await (const _ of link.messages()) t.fail('it says nothing');
  t.equal(link.lossReason, `no coordinator at ${hub.address}: it speaks ZeroMQ, but did not answer within 1 s`);
  t.equal(link.isTurnedAway, 'yes');
  await link.close();
  await hub.close();
});

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
}
