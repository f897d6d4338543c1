import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'tap';
import { figure } from '../../src/view/page/shownNumbers.js';
import { runWell, startCli } from '../fixtures/cli.js';
import { metricsOf, summaryOf } from '../fixtures/runFolder.js';
import { missingBrowser, openTab, picture, startBrowser, violations } from './browser.js';

/** The page of a run in Debian's Chromium: `npm run test:browser`. */

const skip = missingBrowser ?? false;
const config = ['--data', '{ name: mnist, take: 6000 }', '--shards', '4', '--metrics', 'accuracy'] as const;

/** What a table of the page says, row by row. */
function rowsOf(page: Page, id: string): Promise<string[][]> {
  return page
    .locator(`#${id} tbody tr`)
    .evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '')));
}

/** The same once the table begins as expected; what it says else is for the test to see. */
async function rowsFrom(page: Page, id: string, [first = []]: readonly string[][]): Promise<string[][]> {
  await page
    .locator(`#${id} tbody tr`, { hasText: first.join('') })
    .first()
    .waitFor();
  return rowsOf(page, id);
}

/** The figures of a run's epochs as the page should show them, the last one first. */
function epochRows(run: string): string[][] {
  const names = ['loss', 'accuracy', 'valLoss', 'valAccuracy'];
  return metricsOf(run, 'epoch')
    .toReversed()
    .map((line) => [String(Number(line['epoch']) + 1), ...names.map((name) => figure(line[name]))]);
}

/** Reads the first values of a chart off with the keyboard, as someone does who cannot see it. */
async function readChart(page: Page, title: string, count: number): Promise<string[]> {
  const plot = page.locator('figure', { hasText: title }).first().locator('.plot');
  await plot.focus();
  const read: string[] = [];
  for (let i = 0; i < count; i++) {
    await page.keyboard.press('ArrowRight');
    read.push((await page.locator('#reading').textContent()) ?? '');
  }
  return read;
}

test('a run is watched from its first step to its end, through the loss of a worker and a reload', { skip }, async (t) => {
  const runs = t.testdir();
  const run = join(runs, 'run');
  const browser = await startBrowser(t);
  const flags = ['--workers', '2', '--min-workers', '2', '--epochs', '8', '--runs', '.', '--name', 'run', '--dashboard'];
  const coordinator = startCli(t, ['coordinator', ...config, ...flags], {}, runs);
  const [, address = '', key = ''] = await coordinator.line(/start each with: bpnn-dist worker --connect (tcp:\S+) --key (\S+)$/);
  const startWorker = () => startCli(t, ['worker', '--connect', address, '--key', key], {}, runs);
  const [, url = ''] = await coordinator.line(/^dashboard (http:\S+)$/);
  const { page, complaints } = await openTab(browser);
  await page.goto(url);
  await page.getByText('waiting for workers').waitFor();
  t.match(await page.locator('#workers').textContent(), 'none has come yet');

  startWorker();
  const second = startWorker();
  await coordinator.line(/^epoch 2\//);
  await page.locator('#epochs tbody tr').nth(1).waitFor();
  second.kill('SIGKILL');
  await page.locator('#workers .state', { hasText: 'lost' }).waitFor();
  await page.locator('.state', { hasText: 'waiting for workers' }).waitFor();
  const lost = (await rowsOf(page, 'workers')).filter(([, state]) => state === 'lost');
  t.equal(lost.length, 1);
  t.match(lost[0]?.at(-1), /the connection is lost/, 'and why');
  t.match(await page.locator('#events').textContent(), /worker [01] the connection is lost/);
  await picture(page, 'lost-worker');

  const before = { epochs: await rowsOf(page, 'epochs'), events: await page.locator('#events li').allTextContents() };
  await page.reload();
  await page
    .locator('#epochs tbody tr')
    .nth(before.epochs.length - 1)
    .waitFor();
  t.same((await rowsOf(page, 'epochs')).slice(-before.epochs.length), before.epochs, 'the past is there again');
  t.same((await page.locator('#events li').allTextContents()).slice(-before.events.length), before.events);
  t.same(await violations(page), []);

  startWorker();
  await coordinator.done();
  await page.getByText('the run is over').waitFor();
  t.match(await page.locator('#run-cards .state').textContent(), 'done');
  const epochs = epochRows(run);
  t.same(await rowsFrom(page, 'epochs', epochs), epochs, 'every epoch as in metrics.jsonl');
  const steps = metricsOf(run, 'step');
  t.equal(steps.length, 1_200);
  for (const [title, name] of [
    ['Loss', 'loss'],
    ['Accuracy', 'accuracy'],
    ['Learning rate', 'learningRate'],
  ] as const) {
    const read = await readChart(page, title, 5);
    for (const [i, text] of read.entries()) {
      const [step] = steps.slice(i);
      t.match(text, new RegExp(`^${title}: training ${figure(step?.[name])}, (validation \\S+, )?step ${i}$`), `${name} of step ${i}`);
    }
  }
  t.match(await page.locator('#run-cards').textContent(), `test accuracy ${figure(summaryOf(run)['testAccuracy'])}`);
  t.match(await page.locator('#network').textContent(), '101,770', 'the network with its parameters');
  t.same(complaints, []);
});

test('finished runs are laid over each other, on every screen', { skip }, async (t) => {
  const runs = t.testdir();
  const browser = await startBrowser(t);
  for (const [name, batch] of [
    ['batch-32', '32'],
    ['batch-128', '128'],
  ] as const) {
    await runWell(t, 'up', ...config, '--workers', '2', '--batch-size', batch, '--epochs', '6', '--runs', runs, '--name', name);
  }
  const view = startCli(t, ['view', '.'], {}, runs);
  const [url] = await view.line(/^http:\S+$/);
  for (const [screen, scheme] of [
    ['wide', 'light'],
    ['wide', 'dark'],
    ['phone', 'light'],
  ] as const) {
    const { page, complaints } = await openTab(browser, screen, scheme);
    await page.goto(url);
    await page.locator('figure').nth(4).waitFor();
    t.same(await page.locator('#run-cards .head').allTextContents(), ['batch-32done', 'batch-128done']);
    const [newest, chosen] = [epochRows(join(runs, 'batch-128')), epochRows(join(runs, 'batch-32'))];
    t.same(await rowsFrom(page, 'epochs', newest), newest, 'the newest');
    await page.locator('#selected').selectOption('batch-32');
    t.same(await rowsFrom(page, 'epochs', chosen), chosen, 'the one that is chosen');
    await page.locator('#show-images').click();
    await page.locator('#images li').nth(23).waitFor();
    const wrong = Math.round((1 - Number(summaryOf(join(runs, 'batch-32'))['testAccuracy'])) * 10_000);
    t.equal(await page.locator('#images-note').textContent(), `${wrong} of 10000 wrong (test)`, 'as many as the test set says');
    t.same(await violations(page), [], `${screen} ${scheme}`);
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing is wider than the screen');
    await picture(page, `${screen}-${scheme}`, screen === 'wide');
    t.same(complaints, []);
    await page.close();
  }
  view.kill('SIGINT');
  t.equal((await view.ended).code, 0);
});

test('charts are zoomed, smoothed and drawn over something else', { skip }, async (t) => {
  const runs = t.testdir();
  const run = join(runs, 'run');
  await runWell(t, 'up', ...config, '--workers', '1', '--batch-size', '8', '--epochs', '4', '--runs', runs, '--name', 'run');
  const steps = metricsOf(run, 'step');
  t.equal(steps.length, 2_400);
  const browser = await startBrowser(t);
  const view = startCli(t, ['view', run]);
  const [url] = await view.line(/^http:\S+$/);
  const { page, complaints } = await openTab(browser);
  await page.goto(url);
  const plot = page.locator('figure', { hasText: 'Loss' }).first().locator('.plot');
  await plot.waitFor();
  const [first] = await readChart(page, 'Loss', 1);
  const mean = (Number(steps[0]?.['loss']) + Number(steps[1]?.['loss'])) / 2;
  t.match(first, `training ${figure(mean)},`, 'two steps a point');

  // Zoomed in, a step is a point.
  await plot.focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press('+');
  await page.locator('#zoom-left').click();
  await page.locator('#charts[aria-busy=false]').waitFor();
  const read = await readChart(page, 'Loss', 3);
  const seen = read.map((text) => Number(/step ([\d,]+)$/.exec(text)?.[1]?.replace(',', '')));
  const from = seen[0] ?? 0;
  t.same(seen, [from, from + 1, from + 2]);
  for (const [i, text] of read.entries()) t.match(text, `training ${figure(steps[from + i]?.['loss'])},`, 'the very step');

  await page.keyboard.press('0');
  await page.locator('#axis').selectOption('samples');
  t.match((await readChart(page, 'Loss', 1))[0], /samples 16$/);
  await page.locator('#axis').selectOption('seconds');
  t.match((await readChart(page, 'Loss', 1))[0], /seconds [\d.]+$/);
  await page.locator('#log').check();
  await page.locator('#smoothing').fill('0.9');
  t.match(await plot.getAttribute('aria-label'), /^Loss over seconds\. training: now /);
  t.same(await violations(page), []);
  t.same(complaints, []);
});
