import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../shared/files/durableFile.js';

/** Writes the checkpoint of a step, and removes the oldest beyond those that are kept. @param folder of checkpoints */
export async function writeCheckpoint(folder: string, step: number, parts: readonly Uint8Array[], keep: number): Promise<void> {
  const written = `step-${String(step).padStart(9, '0')}.checkpoint`;
  await writeDurably(join(folder, written), parts);
  // Later ones are damaged or another run's: they must not push out those that can be used.
  const isOwn = (file: string): boolean => file.endsWith('.checkpoint') && file <= written;
  const names = (await readdir(folder)).filter(isOwn).sort();
  for (const old of names.slice(0, Math.max(0, names.length - keep))) await rm(join(folder, old), { force: true });
}
