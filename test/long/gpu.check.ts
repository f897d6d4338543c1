import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { findGpus } from '../../src/engines/gpu.js';
import { openEngine } from '../../src/engines/openEngine.js';
import { classifierTask, timeOf } from '../../src/engines/trial/tryEngine.js';
import { train } from '../../src/index.js';
import { diagnose } from '../../src/setup/diagnose.js';
import { precisions } from '../../src/shared/engine/precision.js';
import { testGoldenRuns } from '../e2e/holdsGolden.js';

/** All that there is to see on a machine with a GPU: `npm run check:gpu`, after `setup tensorflow --device gpu` or `setup onnx-cuda`. */

const { findings } = await diagnose();
const works = ['tensorflow', 'onnx'].filter((engine) =>
  findings.some(({ what, state }) => what === `engine ${engine} gpu` && state === 'good'),
);

test('the doctor finds a GPU, and an engine that computes on it', async (t) => {
  for (const { what, state, says } of findings) t.comment(`${state} ${what}: ${says}`);
  t.not(typeof findGpus(), 'string', `${findGpus()}`);
  t.ok(works.length > 0, 'no engine works on a GPU; the lines above say why');
});

const rows: Record<string, string | number>[] = [];

for (const engine of works) {
  testGoldenRuns(engine, 'gpu', () => [1, 2]);

  test(`the article's run on ${engine}`, async (t) => {
    const { summary } = await train({ engine, device: 'gpu', workers: 1, epochs: 3, runs: t.testdir(), name: 'article' });
    t.comment(`${summary.samplesPerSecond.toFixed(0)} samples a second, test accuracy ${summary.testAccuracy}`);
    t.ok((summary.testAccuracy ?? 0) > 0.96);
  });

  test(`two workers on one GPU, ${engine}: the same bytes as one`, async (t) => {
    const run = async (workers: number): Promise<Buffer> => {
      const settings = { engine, device: 'cuda:0', workers, shards: 4, steps: 100, runs: t.testdirName, name: `workers-${workers}` };
      const { path } = await train(settings);
      return readFileSync(join(path, 'final', 'weights.bin'));
    };
    t.testdir();
    t.ok((await run(2)).equals(await run(1)));
  });

  test(`throughput by batch, ${engine}`, async (t) => {
    for (const hidden of [[128], [1_024, 1_024], [4_096, 4_096]]) {
      const task = classifierTask(hidden, 'gpu');
      for (const precision of precisions) {
        const opened = await openEngine(engine, { ...task, precision });
        for (const batch of [32, 128, 512, 2_048, 8_192]) {
          const ms = await timeOf(opened, task, batch);
          rows.push({
            engine,
            precision,
            network: [784, ...hidden, 10].join('-'),
            batch,
            ms,
            'samples/s': Math.round((batch / ms) * 1_000),
          });
        }
        await opened.close();
      }
    }
    for (const row of rows) t.comment(Object.values(row).join('  '));
    mkdirSync(new URL('../../bench/results/', import.meta.url), { recursive: true });
    writeFileSync(
      new URL('../../bench/results/gpu.json', import.meta.url),
      `${JSON.stringify({ gpus: findGpus(), rows }, undefined, 2)}\n`,
    );
    t.pass();
  });
}
