import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Teardown } from '../fixtures/cli.js';

/** Debian's Chromium, or another that CHROMIUM names. */
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export const missingBrowser = existsSync(executablePath)
  ? undefined
  : `${executablePath}: no such file (apt-get install chromium, or CHROMIUM=PATH)`;

/** Where pictures are kept, if a person asks for some. */
const pictures = process.env['BPNN_DIST_PICTURES'];

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export type Screen = 'wide' | 'phone';

const sizes: Readonly<Record<Screen, { width: number; height: number }>> = {
  wide: { width: 1400, height: 1000 },
  phone: { width: 390, height: 844 },
};

/** A page of a browser, and everything that it complained of. */
export interface Tab {
  readonly page: Page;
  readonly complaints: string[];
}

export async function startBrowser(t: Teardown): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  t.teardown(() => browser.close());
  return browser;
}

export async function openTab(browser: Browser, screen: Screen = 'wide', colorScheme: 'light' | 'dark' = 'light'): Promise<Tab> {
  const page = await browser.newPage({ viewport: sizes[screen], colorScheme });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints };
}

/** What axe finds wrong with a page, as rule and place. */
export async function violations(page: Page): Promise<string[]> {
  // By evaluation: the page's own policy lets in no script of another origin.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  });
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Keeps a picture of a page, if a person asks for some. */
export async function picture(page: Page, name: string, fullPage = true): Promise<void> {
  if (pictures === undefined) return;
  if (!fullPage) await page.evaluate('scrollTo(0, 0)');
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
}
