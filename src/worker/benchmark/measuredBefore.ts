import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type EngineFigure, engineFigure } from '../../shared/engine/engineFigures.js';
import { writeDurably } from '../../shared/files/durableFile.js';
import { cacheFolder } from '../../shared/files/home.js';
import { shortHash } from '../../shared/files/shortHash.js';

/** The file that the figure of something is kept in. */
function fileFor(what: unknown): string {
  return join(cacheFolder(), 'engines', `${shortHash([JSON.stringify(what)])}.json`);
}

/** What was measured before; undefined where nothing was, or it cannot be read. */
export async function recall(what: unknown): Promise<EngineFigure | undefined> {
  try {
    return engineFigure.parse(JSON.parse(await readFile(fileFor(what), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps a figure for the next run. @throws the system's error where that cannot be */
export async function remember(what: unknown, figure: EngineFigure): Promise<void> {
  const path = fileFor(what);
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, [Buffer.from(`${JSON.stringify(figure)}\n`)]);
}
