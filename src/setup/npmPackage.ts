import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../shared/text/errors.js';
import { run } from './runProgram.js';

/** A package of npm's registry, of which only the files are wanted. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** As in a package-lock.json: the algorithm and the digest in base64. */
  readonly integrity: string;
}

/**
 * Unpacks a package, without what it depends on and without running any of it.
 * @param from a folder that has its tarball, as `npm pack` names it; else npm fetches it, from wherever it is set to
 * @returns the folder of its files
 * @throws RunError saying what to do
 */
export async function unpackPackage({ name, version, integrity }: NpmPackage, folder: string, from?: string): Promise<string> {
  const file = `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`;
  const tarball = join(folder, file);
  await mkdir(folder, { recursive: true });
  if (from === undefined) await run('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${version}`]);
  else {
    const given = join(from, file);
    if (!existsSync(given))
      throw new RunError(`${given} is not there; on a machine with a network: npm pack ${name}@${version}, then copy the file`);
    copyFileSync(given, tarball);
  }
  const [algorithm = '', expected] = [integrity.slice(0, integrity.indexOf('-')), integrity.slice(integrity.indexOf('-') + 1)];
  const digest = createHash(algorithm).update(readFileSync(tarball)).digest('base64');
  if (digest !== expected) throw new RunError(`${file}: expected ${integrity}, got ${algorithm}-${digest}; nothing was installed`);
  const into = join(folder, name.replace(/^@.*\//, ''));
  await mkdir(into, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', into, '--strip-components=1']);
  return into;
}
