import type { Address } from './dataAddress.js';
import type { Source } from './source.js';

/** What opens an address reads its file's bytes with a package of its own, which is loaded when it is needed. */
export async function openSource(address: Address, mayOpen: (address: string) => boolean): Promise<Source> {
  if (address.kind === 's3') return (await import('./s3.js')).openS3(address);
  return (await import('./web.js')).openWeb(address, mayOpen);
}
