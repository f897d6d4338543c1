import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import { runWell } from '../fixtures/cli.js';
import { missingBrowser, openTab, picture, startBrowser, violations } from './browser.js';

/** Reports of scaling experiments in Debian's Chromium: `npm run test:browser`. */

const skip = missingBrowser ?? false;

interface Results {
  readonly batches: readonly { readonly batchSize: number; readonly finalAccuracy?: { readonly mean: number } }[];
  readonly speeds: readonly unknown[];
}

test('the report of a small experiment shows what its results.json holds', { skip }, async (t) => {
  const out = t.testdir();
  const grid = ['--batch-sizes', '32,128', '--workers', '1,2', '--lr-scaling', 'none,linear', '--seeds', '1', '--timing-steps', '20'];
  await runWell(t, 'scale', '--data', '{ name: mnist, take: 1200 }', '--epochs', '2', ...grid, '--target-accuracy', '0.5', '--out', out);
  const results: Results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  const { page, complaints } = await openTab(await startBrowser(t));
  await page.goto(pathToFileURL(join(out, 'report.html')).href);
  const tables = page.locator('table');
  const cells = await tables
    .first()
    .locator('tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent)));
  t.equal(cells.length, results.batches.length);
  for (const { batchSize, finalAccuracy } of results.batches) {
    const accuracy = String(Number(finalAccuracy?.mean.toPrecision(4)));
    t.ok(
      cells.some((row) => row[1] === String(batchSize) && row[7] === accuracy),
      `${batchSize}: ${accuracy}`,
    );
  }
  t.equal(await tables.nth(1).locator('tbody tr').count(), results.speeds.length);
  t.same(await violations(page), []);
  t.same(complaints, []);
});

for (const [screen, scheme] of [
  ['wide', 'light'],
  ['wide', 'dark'],
  ['phone', 'light'],
] as const) {
  test(`the report that is kept, ${screen} and ${scheme}`, { skip }, async (t) => {
    const { page, complaints } = await openTab(await startBrowser(t), screen, scheme);
    await page.goto(new URL('../../docs/experiments/mnist/report.html', import.meta.url).href);
    t.ok((await page.locator('svg[role=img]').count()) >= 5);
    t.same(await violations(page), []);
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing is wider than the screen');
    t.same(complaints, []);
    await picture(page, `report-${screen}-${scheme}`, false);
  });
}
