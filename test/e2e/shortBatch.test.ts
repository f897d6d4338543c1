import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { train } from '../../src/index.js';
import { metricsOf } from '../fixtures/runFolder.js';

test('a batch larger than the training samples is one batch of all of them, the same at any number of workers', async (t) => {
  const runs = t.testdir();
  const common = { model: '784-8-10', validationSplit: 0, epochs: 3, shards: 4, engine: 'reference', tensorboard: false, runs };
  const run = async (name: string, take: number, own: object): Promise<{ weights: string; notes: string[]; steps: number }> => {
    const notes: string[] = [];
    const config = { ...common, ...own, name, data: { name: 'mnist', take } };
    const { path } = await train(config, { onNotice: (line) => notes.push(line) });
    const weights = readFileSync(join(path, 'final', 'weights.bin')).toString('base64');
    return { weights, notes: notes.filter((note) => note.startsWith('batchSize')), steps: metricsOf(path, 'step').length };
  };
  const byDefault = await run('default', 28, { workers: 1 });
  t.match(byDefault, { notes: [], steps: 3 });
  const exact = await run('exact', 28, { workers: 1, batchSize: 28 });
  t.equal(byDefault.weights, exact.weights);
  const large = await run('large', 28, { workers: 3, batchSize: 1_000 });
  t.same(large, { ...exact, notes: ['batchSize: 1000 is more than the 28 training samples: every step takes all of them'] });

  // Fewer samples than shards.
  const [one, two] = [await run('few-1', 3, { workers: 1 }), await run('few-2', 3, { workers: 2 })];
  t.equal(one.weights, two.weights);
  t.equal(one.steps, 3);
});
