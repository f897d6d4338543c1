import { join, resolve } from 'node:path';
import { cacheFolder } from '../../shared/files/home.js';
import { isUnder } from '../dataRoot.js';

/** Where converted data are kept, and who hears of a conversion. */
export interface CachePlace {
  /** Folders to look in; what is missing is made in the first of them. */
  readonly folders: readonly string[];
  /** Files that lead out of this folder, through links, are refused; default: none are. */
  readonly root?: string | undefined;
  /** What addresses that are fetched begin with; default: any are. */
  readonly urls?: readonly string[] | undefined;
  /** Aborts when nobody wants the data any more: whatever waits for a server or for another process then ends with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how many of the parts of a source have been converted, or of the blocks of an address fetched. */
  readonly onProgress?: ((source: string, done: number, total: number) => void) | undefined;
  /** One line for a person. */
  readonly say?: ((line: string) => void) | undefined;
}

/** Where a run keeps converted data: beside the runs, and whoever cannot find them there, in the user's cache folder. */
export function cachesOf(runs: string): string[] {
  return [besideRuns(runs), ownCache()];
}

/** Data that others convert are looked for, and what is missing is made in a folder of this machine's user. */
export function cachesElsewhere(runs: string): string[] {
  return [ownCache(), besideRuns(runs)];
}

/** The same for a worker, which reads nothing that a coordinator names beyond its data root. */
export function cachesUnder(root: string, runs: string): string[] {
  const [own = '', beside = ''] = cachesElsewhere(runs);
  return isUnder(root, beside) ? [own, beside] : [own];
}

/** Absolute: the working directory may go while data are converted. */
function besideRuns(runs: string): string {
  return resolve(runs, '.data');
}

function ownCache(): string {
  return join(cacheFolder(), 'data');
}
