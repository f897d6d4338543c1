import { pack, unpack } from 'msgpackr';
import { test } from 'tap';
import type { Frames } from '../../src/shared/transport/transport.js';
import { trainInProcess, typeOf } from '../fixtures/inProcess/cluster.js';
import { movableClock } from '../fixtures/inProcess/movableClock.js';
import { smallRun } from '../fixtures/inProcess/smallRun.js';

/** Workers that answer what they should not. */

interface Gradient {
  readonly work: number;
  readonly node: readonly [number, number];
  readonly shards: readonly { readonly count: number; readonly loss: number }[];
}

/** A gradient message with other words about it. */
function said(frames: Frames, change: (gradient: Gradient) => object): Frames {
  const [header = new Uint8Array(), ...tensors] = frames;
  const before: Gradient = unpack(header);
  return [pack({ ...before, ...change(before) }), ...tensors];
}

const odd: Readonly<Record<string, { readonly change: (frames: Frames) => Frames; readonly notice: RegExp }>> = {
  'a loss that is no number': {
    change: (frames) => said(frames, ({ shards }) => ({ shards: shards.map((sums) => ({ ...sums, loss: Number.NaN })) })),
    notice: /^worker 1 gave a loss or gradient that is not finite: it is computed once more$/m,
  },
  "another's shards": {
    change: (frames) => said(frames, () => ({ node: [0, 1] })),
    notice: /^worker 1 answered for \[0, 1\), which it was never asked for$/m,
  },
  'what is no node': {
    change: (frames) => said(frames, () => ({ node: [1, 3] })),
    notice: /^worker 1 \[1, 3\) is no node of the tree$/m,
  },
  'work to come': {
    change: (frames) => said(frames, ({ work }) => ({ work: work + 1_000 })),
    notice: /^worker 1 answered work \d+, which does not exist$/m,
  },
  'other counts': {
    change: (frames) => said(frames, ({ shards }) => ({ shards: shards.map((sums) => ({ ...sums, count: sums.count + 1 })) })),
    notice: /^worker 1 answered for .* with counts .*, expected /m,
  },
  'a tensor of a wrong length': {
    change: ([header = new Uint8Array()]) => [header, new Uint8Array(8)],
    notice: /^worker 1 gradient: expected a tensor of \d+ bytes, got 8$/m,
  },
  'random bytes': { change: () => [Uint8Array.of(1, 2, 3)], notice: /^worker 1 .*(msgpack|protocol)/m },
  'no frame': { change: () => [], notice: /^worker 1 expected a header/m },
};

test('a worker that answers nonsense is sent away, or asked again, and the weights are the same', async (t) => {
  const clock = movableClock(t);
  const config = smallRun(t.testdir());
  const { result: expected } = await clock.until(trainInProcess({ config }));
  for (const [name, { change, notice }] of Object.entries(odd)) {
    for (const time of [1, 14]) {
      let gradients = 0;
      const once = (slot: number, frames: Frames): Frames =>
        slot === 1 && typeOf(frames) === 'gradient' && ++gradients === time ? change(frames) : frames;
      const { result, notices } = await clock.until(trainInProcess({ config, change: once }));
      t.same(result.finalWeights, expected.finalWeights, `${name}, gradient number ${time}`);
      t.match(notices.join('\n'), notice, `${name}, gradient number ${time}: it is said`);
    }
  }
});

test('one whose numbers are never finite, where others find finite ones, is faulty', async (t) => {
  const clock = movableClock(t);
  const config = smallRun(t.testdir());
  const { result: expected } = await clock.until(trainInProcess({ config }));
  const change = (slot: number, frames: Frames): Frames =>
    slot === 1 && typeOf(frames) === 'gradient' ? (odd['a loss that is no number']?.change(frames) ?? frames) : frames;
  const { result, notices } = await clock.until(trainInProcess({ config, change }));
  t.same(result.finalWeights, expected.finalWeights);
  t.match(notices.join('\n'), /^worker 1 is faulty: what it found not finite, another worker found finite$/m);
});

test('numbers that are finite for nobody end the run with the weights before them, or drop the step', async (t) => {
  const clock = movableClock(t);
  const config = smallRun(t.testdir());
  const bad = (_: number, frames: Frames): Frames => {
    if (typeOf(frames) !== 'gradient') return frames;
    return said(frames, ({ shards, work }) => (work > 11 && work < 15 ? { shards: shards.map((s) => ({ ...s, loss: Number.NaN })) } : {}));
  };
  await t.rejects(clock.until(trainInProcess({ config, change: bad })), {
    name: 'RunError',
    message: /^step \d+: the loss or gradient is not finite \(worker \d, shard \d, samples [\d, ]+\); the weights before it are saved/,
  });
  const { result } = await clock.until(trainInProcess({ config: { ...config, onNonFinite: 'skip' }, change: bad }));
  t.ok(result.finalWeights.every(Number.isFinite));
});
