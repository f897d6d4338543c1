import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../shared/files/home.js';

/**
 * A fingerprint that was worked out before, on this machine and of the same: else it is worked out, and kept in the user's
 * cache folder.
 * @param of all that it depends on
 */
export function remembered(of: unknown, workOut: () => string): string {
  const key = createHash('sha256').update(JSON.stringify(of)).digest('hex');
  const path = join(cacheFolder(), 'fingerprints', key);
  try {
    const known = readFileSync(path, 'utf8');
    if (/^[0-9a-f]{16}$/.test(known)) return known;
  } catch {
    // Not known yet.
  }
  const found = workOut();
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, found);
  } catch {
    // Then it is worked out again.
  }
  return found;
}
