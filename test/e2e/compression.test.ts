import { join } from 'node:path';
import { test } from 'tap';
import { runCli, runWell, someMnist } from '../fixtures/cli.js';
import { metricsOf, weightsOf } from '../fixtures/runFolder.js';

/** Weights and gradients in 16 bits: other results than in 32, and the same ones wherever they are computed. */

const config = [...someMnist, '--epochs', '2', '--shards', '4', '--engine', 'onnx'] as const;

for (const format of ['bf16', 'fp16'] as const) {
  test(`${format}: the same weights at any number of workers, in shared memory or over sockets`, async (t) => {
    const runs = t.testdir();
    const run = async (name: string, ...flags: string[]): Promise<string> => {
      await runWell(t, 'up', ...config, ...flags, '--runs', runs, '--name', name);
      return join(runs, name);
    };
    const first = await run('one', '--compression', format, '--workers', '1', '--transport', 'socket');
    // One, two and four shards a worker: gradients of 16 bits, of 32, and left in memory.
    for (const [workers, transport] of [
      [4, 'socket'],
      [3, 'socket'],
      [2, 'auto'],
    ] as const) {
      const other = await run(`${workers}`, '--compression', format, '--workers', `${workers}`, '--transport', transport);
      t.same(weightsOf(other), weightsOf(first), `${workers} workers, ${transport}`);
      t.same(metricsOf(other, 'step'), metricsOf(first, 'step'), `${workers} workers: the figures`);
    }
    const plain = await run('plain', '--workers', '2');
    t.notSame(weightsOf(plain), weightsOf(first), 'without it the weights are others');
    const [exact, rounded] = [plain, first].map((folder) => Number(metricsOf(folder, 'epoch').at(-1)?.['valLoss']));
    t.ok(Math.abs((rounded ?? Number.NaN) / (exact ?? Number.NaN) - 1) < 0.05, `but not far away: a loss of ${rounded} for ${exact}`);
  });
}

test('a compression that does not exist', async (t) => {
  const { code, stderr } = await runCli(t, 'up', '--compression', 'zip');
  t.equal(code, 2);
  t.match(stderr, /compression/);
});
