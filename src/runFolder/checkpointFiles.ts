import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../shared/files/durableFile.js';
import { errorMessage, RunError } from '../shared/text/errors.js';
import { type Checkpoint, decodeCheckpoint } from './checkpoint.js';
import { foreignness, isCutShort, type RunIdentity } from './ownCheckpoint.js';

/** Writes the checkpoint of a step, and removes the oldest beyond those that are kept. @param folder of checkpoints */
export async function writeCheckpoint(folder: string, step: number, parts: readonly Uint8Array[], keep: number): Promise<void> {
  const written = `step-${String(step).padStart(9, '0')}.checkpoint`;
  await writeDurably(join(folder, written), parts);
  // Later ones are damaged or another run's: they must not push out those that can be used.
  const isOwn = (file: string): boolean => file.endsWith('.checkpoint') && file <= written;
  const names = (await readdir(folder)).filter(isOwn).sort();
  for (const old of names.slice(0, Math.max(0, names.length - keep))) await rm(join(folder, old), { force: true });
}

/** The files of a folder of checkpoints, the newest first. */
export function checkpointNames(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.checkpoint')) : [];
  return names.sort().reverse();
}

/** The newest checkpoint that is whole and the run's own, and a note for every one that is not. */
export function newestCheckpoint(
  folder: string,
  own: RunIdentity,
  steps: number | undefined,
): { checkpoint: Checkpoint | undefined; notes: string[] } {
  const notes: string[] = [];
  for (const name of checkpointNames(folder)) {
    try {
      const checkpoint = decodeCheckpoint(readFileSync(join(folder, name)), name);
      const isCut = isCutShort(checkpoint, steps);
      const fault = foreignness(checkpoint, own) ?? (isCut ? 'it ends in the middle of an epoch' : undefined);
      if (fault === undefined) return { checkpoint, notes };
      notes.push(`skipping ${name}: ${fault}`);
    } catch (error) {
      notes.push(`skipping ${errorMessage(error)}`);
    }
  }
  if (notes.length > 0) throw new RunError(`${folder}: no checkpoint is whole and this run's own\n${notes.join('\n')}`);
  return { checkpoint: undefined, notes: ['no checkpoint yet: starting from the beginning'] };
}
