import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { errorCode, errorMessage, UsageError } from '../text/errors.js';

/** A CURVE key in Z85, as ZeroMQ writes it. */
const key = z.string().length(40);

const keyFile = z.strictObject({ coordinatorPublic: key, coordinatorSecret: key, workerPublic: key, workerSecret: key });

/** The keys of a run: its coordinator's pair, and the one pair that all its workers share. */
export type RunKeys = Readonly<z.output<typeof keyFile>>;

/** Writes a key file that only its owner can read. @throws UsageError where there is one already, or it cannot be written */
export function writeKeys(path: string, keys: RunKeys): void {
  const text = `# Keys of a bpnn-dist run. Whoever has this file can train along, and read what is sent.\n${stringify(keys)}`;
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new UsageError(
      `${path}: ${errorCode(error) === 'EEXIST' ? 'exists already' : `the key cannot be written (${errorMessage(error)})`}`,
    );
  }
}

/**
 * A file of one's own only its owner may read; of another's, who has given it to a group as Kubernetes does with secrets,
 * that group may.
 * @throws UsageError where there is no such file, it is no key file, or others can read it
 */
export function readKeys(path: string): RunKeys {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      `${path}: ${errorCode(error) === 'ENOENT' ? 'no such key file' : `the key cannot be read (${errorMessage(error)})`}`,
    );
  }
  const { mode, uid } = statSync(path);
  if ((mode & (uid === process.getuid?.() ? 0o077 : 0o007)) !== 0)
    throw new UsageError(`${path}: others can read this key file; chmod 600 ${path}`);
  return parseKeys(text, path, 'a key file as bpnn-dist keygen writes it');
}

/** @throws UsageError where these are no keys */
export function parseKeys(text: string, source: string, expected: string): RunKeys {
  const keys = keyFile.safeParse(parseOrNothing(text));
  if (!keys.success) throw new UsageError(`${source}: expected ${expected}`);
  return keys.data;
}

function parseOrNothing(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
