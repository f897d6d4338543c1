import { join } from 'node:path';
import { test } from 'tap';
import { runWell } from '../fixtures/cli.js';
import { metricsOf, summaryOf } from '../fixtures/runFolder.js';

for (const seed of [1, 2, 3]) {
  test(`the article's run reaches its accuracy with seed ${seed}`, async (t) => {
    const runs = t.testdir();
    await runWell(t, 'up', '--workers', '2', '--seed', String(seed), '--runs', runs, '--name', 'article');
    const path = join(runs, 'article');
    t.ok(Number(metricsOf(path, 'epoch')[0]?.['valAccuracy']) >= 0.9, 'after the first epoch');
    t.ok(Number(summaryOf(path)['testAccuracy']) >= 0.972, 'on the test set');
  });
}
