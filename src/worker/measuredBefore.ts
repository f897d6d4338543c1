import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../shared/durableFile.js';
import { type EngineFigure, engineFigure } from '../shared/engineChoice.js';
import { cacheFolder } from '../shared/home.js';
import { shortHash } from '../shared/shortHash.js';

/** The file that figures for something are kept in. */
function fileFor(what: unknown): string {
  return join(cacheFolder(), 'engines', `${shortHash([JSON.stringify(what)])}.json`);
}

/** What was measured before; undefined where nothing was, or it cannot be read. */
export async function recall(what: unknown): Promise<readonly EngineFigure[] | undefined> {
  try {
    return z.array(engineFigure).parse(JSON.parse(await readFile(fileFor(what), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps figures for the next run. @throws the system's error where that cannot be */
export async function remember(what: unknown, figures: readonly EngineFigure[]): Promise<void> {
  const path = fileFor(what);
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, [Buffer.from(`${JSON.stringify(figures)}\n`)]);
}
