import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { errorCode, errorMessage, UsageError } from '../text/errors.js';
import { say } from '../text/say.js';

/** Bytes that the path of a socket may have: sun_path of unix(7) has 108 on Linux and 104 on macOS, with a 0 at its end. */
export const longestSocketPath = process.platform === 'linux' ? 107 : 103;

/** Where temporary folders go if TMPDIR cannot be used. */
const others = ['/tmp', '/var/tmp'];

let toldOf: string | undefined;

export interface TemporaryOptions {
  /** Bytes that the path of a file in it may have. */
  readonly longest?: number;
  /** Bytes of the longest name of a file in it. */
  readonly name?: string;
  /** One line for a person, about a TMPDIR that cannot be used. */
  readonly say?: (line: string) => void;
}

/**
 * Makes a folder that only this user can enter, in the folder of TMPDIR or, where that is missing, read-only or its path too
 * long, in another; a person is told once.
 * @returns its absolute path
 * @throws UsageError naming TMPDIR and why no place will do
 */
export function makeTemporaryFolder(options: TemporaryOptions = {}): string {
  const { longest = Number.POSITIVE_INFINITY, name = '' } = options;
  const wanted = tmpdir();
  const reasons: string[] = [];
  for (const place of new Set([resolve(wanted), ...others])) {
    const made = tryIn(place, name, longest);
    if (made.folder === undefined) {
      reasons.push(`${place === resolve(wanted) ? wanted : place}: ${made.reason}`);
      continue;
    }
    const [reason] = reasons;
    // Everywhere on macOS TMPDIR is long; that is nobody's mistake.
    if (reason !== undefined && toldOf !== wanted) {
      toldOf = wanted;
      (options.say ?? say)(`TMPDIR=${reason}; using ${place}`);
    }
    return made.folder;
  }
  throw new UsageError(`no temporary folder can be made; set TMPDIR to a writable folder: ${reasons.join('; ')}`);
}

type Made = { readonly folder: string } | { readonly folder?: undefined; readonly reason: string };

function tryIn(place: string, name: string, longest: number): Made {
  const prefix = join(place, 'bpnn-');
  const bytes = Buffer.byteLength(join(`${prefix}XXXXXX`, name));
  if (bytes > longest) return { reason: `the path of a socket in it has ${bytes} bytes, expected at most ${longest}` };
  try {
    return { folder: mkdtempSync(prefix) };
  } catch (error) {
    return { reason: errorCode(error) || errorMessage(error) };
  }
}
