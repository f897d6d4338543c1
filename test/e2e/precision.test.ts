import { test } from 'tap';
import { hasTensorflow } from '../../src/engines/tensorflow/binding.js';
import { type RunResult, train } from '../../src/index.js';

/** Training with factors of 16 bits. */

test('bf16: the same bytes at every number of workers, and it learns', { skip: !hasTensorflow() && 'it needs TensorFlow' }, async (t) => {
  const settings = { engine: 'tensorflow', device: 'cpu', data: { name: 'mnist', take: 3_000 }, epochs: 3, shards: 4, runs: t.testdir() };
  const [one, two, plain] = [
    await train({ ...settings, precision: 'bf16', workers: 1, name: 'one' }),
    await train({ ...settings, precision: 'bf16', workers: 2, name: 'two' }),
    await train({ ...settings, workers: 2, name: 'plain' }),
  ];
  const bytes = ({ finalWeights }: RunResult): Buffer =>
    Buffer.from(new Uint8Array(finalWeights.buffer, finalWeights.byteOffset, finalWeights.byteLength));
  t.ok(bytes(two).equals(bytes(one)));
  t.notOk(bytes(plain).equals(bytes(one)), 'and others than in float32');
  const [rounded, exact] = [one, plain].map(({ summary }) => Number(summary.testAccuracy));
  t.ok(Math.abs((rounded ?? 0) - (exact ?? 1)) < 0.02, `accuracy ${rounded} in bf16, ${exact} in float32`);
});
