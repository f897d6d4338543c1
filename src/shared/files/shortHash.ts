import { createHash } from 'node:crypto';

/** The first 16 hex digits of the SHA-256 of some parts, one behind the other. */
export function shortHash(parts: Iterable<string | Uint8Array>): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}
