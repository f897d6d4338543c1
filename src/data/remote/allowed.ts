import { UsageError } from '../../shared/text/errors.js';
import { isAddress, readAddress, splitArrayName, withoutSecrets } from './dataAddress.js';

/**
 * May a process open an address that someone else names?
 * @param prefixes what it may open begins with one of these, whole parts of a path; undefined: anything
 * @throws DataError for what is no address
 */
export function isAllowed(path: string, prefixes: readonly string[] | undefined): boolean {
  return prefixes === undefined || prefixes.some((prefix) => beginsWith(path, prefix));
}

function beginsWith(path: string, prefix: string): boolean {
  const address = readAddress(splitArrayName(path).address);
  if (address.kind === 's3') {
    const [, bucket = '', key = ''] = s3Prefix.exec(prefix) ?? [];
    return address.bucket === bucket && isWithin(address.key, key);
  }
  if (s3Prefix.test(prefix)) return false;
  const { origin, pathname } = new URL(prefix);
  // URL has resolved dots; a slash or a backslash in disguise may still be one to the server.
  return address.url.origin === origin && !/%2f|%5c/i.test(address.url.pathname) && isWithin(address.url.pathname, pathname);
}

/** Is it the prefix itself, or does it go on where a part of the path ends? */
function isWithin(path: string, prefix: string): boolean {
  return path === prefix || prefix === '' || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

const s3Prefix = /^s3:\/\/([a-z0-9][a-z0-9._-]*)(?:\/(.*))?$/is;

/** @throws UsageError for what no address begins with */
export function checkPrefix(flag: string, prefix: string): string {
  const isWeb = /^https?:/i.test(prefix) && isAddress(prefix) && URL.canParse(prefix);
  const isWhole = s3Prefix.test(prefix) || (isWeb && isPlain(new URL(prefix)));
  if (isWhole) return prefix;
  throw new UsageError(
    `${flag}: expected what addresses of data begin with, such as https://HOST/FOLDER/ or s3://BUCKET/FOLDER/, without name, password and query, got ${withoutSecrets(prefix)}`,
  );
}

function isPlain({ username, password, search, hash }: URL): boolean {
  return [username, password, search, hash].every((part) => part === '');
}
