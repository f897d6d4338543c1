import { test } from 'tap';
import { decodeFromWorker } from '../../../src/shared/protocol/protocol.js';
import { fuzzDecoder } from '../../fixtures/fuzzDecoder.js';
import { fuzzFleet } from '../../fixtures/fuzzFleet.js';
import { slices } from '../../fixtures/messages.js';

/** `npm run check:fuzz` does the same a million times. */

test('mutated messages are refused, or are messages', (t) => {
  const { refused, accepted } = fuzzDecoder(20_000, 1);
  t.ok(refused > 10_000);
  t.ok(accepted > 100, 'some mutants are right');
  t.end();
});

test('a coordinator goes on through mutated messages, to the same sums', async (t) => {
  const { refused } = await fuzzFleet(5_000, 1);
  t.ok(refused > 500);
});

test('what a header claims is not reserved', (t) => {
  const claims: readonly (readonly number[])[] = [
    [0xdd, 0x01, 0xff, 0xff, 0xff],
    [0xdc, 0xff, 0xff],
    [0xdf, 0x01, 0xff, 0xff, 0xff],
    [0xdb, 0x1f, 0xff, 0xff, 0xff],
    [0xc6, 0x1f, 0xff, 0xff, 0xff],
    [0xc9, 0x1f, 0xff, 0xff, 0xff, 0x11],
  ];
  for (const claim of claims) {
    const before = bytesInUse();
    t.throws(() => decodeFromWorker([Uint8Array.of(...claim, ...new Array(64).fill(0))], slices), { name: 'ProtocolError' });
    t.ok(bytesInUse() - before < 2 ** 20);
  }
  t.end();
});

function bytesInUse(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
