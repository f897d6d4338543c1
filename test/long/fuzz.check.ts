import { test } from 'tap';
import { fuzzDecoder } from '../fixtures/fuzzDecoder.js';
import { fuzzFleet } from '../fixtures/fuzzFleet.js';

/** A million mutated messages to the decoder, and a hundred thousand to a coordinator in the middle of its steps. */

const seed = Number(process.env['SEED'] ?? 1);

test('a million mutated messages are refused, or are messages', (t) => {
  const start = performance.now();
  const { refused, accepted } = fuzzDecoder(1_000_000, seed);
  t.comment(`seed ${seed}: ${refused} refused, ${accepted} messages, ${seconds(start)} s`);
  t.equal(refused + accepted, 1_000_000);
  t.end();
});

test('a coordinator goes on through a hundred thousand of them, to the same sums', async (t) => {
  const start = performance.now();
  const { refused, accepted } = await fuzzFleet(100_000, seed);
  t.comment(`seed ${seed}: ${refused + accepted} said, ${refused} peers refused, ${seconds(start)} s`);
  t.ok(refused > 10_000);
});

function seconds(start: number): string {
  return ((performance.now() - start) / 1_000).toFixed(1);
}
