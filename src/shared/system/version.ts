import { readFileSync } from 'node:fs';

/** Version of this package, from its package.json: workers must have the coordinator's. */
export const version: string = readVersion();

function readVersion(): string {
  const { version: found }: { version?: unknown } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return typeof found === 'string' ? found : 'unknown';
}
