import { mkdir } from 'node:fs/promises';
import { DataError } from '../../shared/text/errors.js';
import { alone } from '../cache/lock.js';
import type { CachePlace } from '../cache/place.js';
import { isAllowed } from './allowed.js';
import { LocalCopy, newestOf } from './copy.js';
import { readAddress } from './dataAddress.js';
import { download } from './download.js';
import { openSource } from './openSource.js';
import { connectionProblem } from './remoteProblems.js';
import { Changed, NotPermitted, type Source, Unreachable, type Version } from './source.js';

/** How often a file may change while it is fetched. */
const mostChanges = 3;

/**
 * The path of a whole local copy of a file on a server, which is fetched unless one is here that is still the same.
 * @param address http://, https:// or s3://
 * @throws DataError that names the address, and what to do; the reason of the place's signal, once that has aborted
 */
export async function fetched(address: string, place: CachePlace): Promise<string> {
  const { signal = new AbortController().signal } = place;
  signal.throwIfAborted();
  const parsed = readAddress(address);
  const copies = place.folders.map((folder) => new LocalCopy(folder, address, parsed));
  const source = await openSource(parsed, (other) => isAllowed(other, place.urls));
  try {
    return await current({ source, copies, shown: parsed.shown, place, signal, began: new Date().toISOString() });
  } catch (error) {
    signal.throwIfAborted();
    const problem = connectionProblem(parsed.shown, error);
    if (!(problem instanceof Unreachable)) throw problem;
    throw new DataError(`${parsed.shown}: cannot be fetched: ${problem.message}; try again: blocks that have come are kept`);
  } finally {
    await source.close();
  }
}

interface Wanted {
  readonly source: Source;
  /** Where a copy may be; one that is missing is made in the first place. */
  readonly copies: readonly LocalCopy[];
  readonly shown: string;
  readonly place: CachePlace;
  readonly signal: AbortSignal;
  /** When it was asked for: ISO 8601. */
  readonly began: string;
}

async function current(wanted: Wanted): Promise<string> {
  const { source, copies, shown, place, signal, began } = wanted;
  const newest = newestOf(copies);
  let version: Version;
  try {
    version = await source.version(signal);
  } catch (error) {
    const why = whyUnasked(error);
    if (!newest || why === undefined || signal.aborted) throw error;
    place.say?.(`${shown} ${why}: the copy of ${newest.fetched} is used`);
    return newest.path;
  }
  const known = copies.find((copy) => copy.holds(version, began));
  if (known) return known.path;
  if (newest) place.say?.(`${shown} may no longer be the file of ${newest.fetched}: it is fetched anew`);
  return fetchAlone(wanted, version);
}

/** Why a server does not say whether a file is still the same, where a copy will do. */
function whyUnasked(error: unknown): string | undefined {
  if (error instanceof Unreachable) return `cannot be reached (${error.message})`;
  return error instanceof NotPermitted ? `answers ${error.answer}` : undefined;
}

/** Of processes that need the same file at once, one fetches it. */
async function fetchAlone({ source, copies, shown, place, signal, began }: Wanted, known: Version): Promise<string> {
  const [copy] = copies;
  if (!copy) throw new Error('there is no place for a copy');
  await mkdir(copy.folder, { recursive: true });
  const onProgress = (done: number, total: number): void => place.onProgress?.(shown, done, total);
  let version = known;
  const isDone = (): boolean => copy.holds(version, began);
  const fetchIt = async (): Promise<void> => {
    for (let changes = 0; !isDone(); changes++) {
      try {
        await copy.take(await download({ source, version, shown, name: copy.path, onProgress, signal }), version);
      } catch (error) {
        if (!(error instanceof Changed)) throw error;
        if (changes === mostChanges)
          throw new DataError(`${shown}: was another file each time while it was fetched: wait until it changes no more`);
        place.say?.(`${shown} has changed while it was fetched: begun anew`);
        version = await source.version(signal);
      }
    }
  };
  await alone(`${copy.folder}.lock`, isDone, fetchIt, { what: `fetches ${shown}`, say: place.say, signal });
  return copy.path;
}
