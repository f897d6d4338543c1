import { accessSync, constants, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { errorCode, errorMessage } from '../text/errors.js';
import { say } from '../text/say.js';
import { makeTemporaryFolder } from './temporaryFolder.js';

/**
 * Where `bpnn-dist setup` puts what it installs, and everyone looks for it: the folder that BPNN_DIST_HOME names, else
 * `bpnn-dist` in the user's data folder (XDG base directories).
 */
export function homeFolder(): string {
  const { BPNN_DIST_HOME: named, XDG_DATA_HOME: data } = process.env;
  if (named !== undefined && named !== '') return resolve(named);
  const folder = userFolder(data, '.local', 'share');
  return folder === undefined ? join(fallbackFolder(), 'home') : join(folder, 'bpnn-dist');
}

/** The OpenBLAS that `bpnn-dist setup blas` installs. */
export function installedBlas(): string {
  return join(homeFolder(), 'openblas', 'libscipy_openblas.so');
}

/** The copy of onnxruntime-node with a CUDA provider that `bpnn-dist setup onnx-cuda` makes. */
export function installedOnnxCuda(): string {
  return join(homeFolder(), 'onnx-cuda', 'node_modules', 'onnxruntime-node');
}

/** The addon that `bpnn-dist setup tensorflow` builds, of one kind of TensorFlow. */
export function installedTensorflow(kind: 'cpu' | 'gpu'): string {
  return join(homeFolder(), `tensorflow-${kind}`, 'tfjs_binding.node');
}

/**
 * Where is kept what can be found out again: `bpnn-dist` in the user's cache folder (XDG base directories). Without a home,
 * or where that cannot be written, as for users that containers make up, it is a folder with the temporary files; a person
 * is told once.
 */
export function cacheFolder(): string {
  const folder = userFolder(process.env['XDG_CACHE_HOME'], '.cache');
  const trouble = folder === undefined ? 'this user has no home folder' : unwritable(folder);
  if (folder !== undefined && trouble === undefined) return join(folder, 'bpnn-dist');
  const fallback = join(fallbackFolder(), 'cache');
  if (toldOf !== trouble) say(`no cache folder (${trouble}): using ${fallback}; XDG_CACHE_HOME names another`);
  toldOf = trouble;
  return fallback;
}

let toldOf: string | undefined;

/** @param named by a variable of XDG, which counts if it is absolute; else it is below the home folder, if there is one */
function userFolder(named: string | undefined, ...below: readonly string[]): string | undefined {
  if (named !== undefined && isAbsolute(named)) return named;
  const home = userHome();
  return home === undefined ? undefined : join(home, ...below);
}

/** Undefined for a user without HOME and without an entry in passwd. */
function userHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/** Why a folder can neither be written nor made. */
function unwritable(folder: string): string | undefined {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${folder}: ${errorCode(error) || errorMessage(error)}`;
  }
}

let ownFallback: string | undefined;

/** A folder that is this user's alone, with the temporary files: one that another user has made in its place is left alone. */
function fallbackFolder(): string {
  ownFallback ??= isOwn(shared()) ? shared() : ofThisProcess();
  return ownFallback;
}

function ofThisProcess(): string {
  const folder = makeTemporaryFolder();
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function shared(): string {
  return join(resolve(tmpdir()), `bpnn-dist-${process.getuid?.() ?? 'user'}`);
}

function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    const seen = errorCode(error) === 'EEXIST' ? lstatSync(folder, { throwIfNoEntry: false }) : undefined;
    return seen?.isDirectory() === true && seen.uid === process.getuid?.() && (seen.mode & 0o077) === 0;
  }
}
