import { test } from 'tap';
import { type Link, openHub, openLink } from '../../src/shared/transport.js';

/** Waits until a link knows that its other end is gone, without reading from it. */
async function lost(link: Link): Promise<void> {
  while (link.lossReason === undefined) await new Promise((resolve) => setImmediate(resolve));
}

test('a link closes although its last message can reach nobody', async (t) => {
  const hub = await openHub({ address: 'tcp://127.0.0.1:0', maxFrameBytes: 1_000 });
  const link = openLink(hub.address, 1_000);
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
  const [good, bad] = [openLink(hub.address, 1_000), openLink(hub.address, 1_000)];
  t.teardown(() => Promise.all([good.close(), bad.close()]));
  bad.send([Buffer.alloc(1_001)]);
  await lost(bad);
  good.send([Buffer.alloc(1_000, 7)]);
  for await (const { frames } of hub.messages()) {
    t.same(frames, [Buffer.alloc(1_000, 7)]);
    break;
  }
});
