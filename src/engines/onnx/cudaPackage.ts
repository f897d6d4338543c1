import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { installedOnnxCuda } from '../../shared/files/home.js';

/** Loads the onnxruntime-node that `setup onnx-cuda` has made, and CUDA beside it; undefined where there is none. */
export function loadCudaPackage(): unknown {
  const folder = installedOnnxCuda();
  if (!existsSync(join(folder, 'package.json'))) return undefined;
  preload(join(dirname(dirname(folder)), 'nvidia'));
  return createRequire(import.meta.url)(folder);
}

/**
 * Loads all libraries under a folder, those that need others after them. The provider finds them then by their names: it
 * has no path of its own to look in, and LD_LIBRARY_PATH is read only when a process starts.
 */
function preload(folder: string): void {
  if (!existsSync(folder)) return;
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch {
    return;
  }
  const isLibrary = (path: string): boolean => /\.so[.\d]*$/.test(path);
  let waiting = (readdirSync(folder, { recursive: true }) as string[]).filter(isLibrary).map((path) => join(folder, path));
  for (let before = Number.POSITIVE_INFINITY; waiting.length < before; ) {
    before = waiting.length;
    waiting = waiting.filter((path) => !loads(koffi, path));
  }
}

function loads(koffi: typeof import('koffi'), path: string): boolean {
  try {
    koffi.load(path, { global: true });
    return true;
  } catch {
    return false;
  }
}
