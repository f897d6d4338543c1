import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { EngineOn } from '../shared/engine/engineFigures.js';
import { installedOnnxCuda } from '../shared/files/home.js';
import { errorMessage } from '../shared/text/errors.js';

/**
 * Tells the library that an engine would compute with from any other: its name, version and core type as far as they can be
 * had without starting it, and the file's size and time. Another mark means that what was measured no longer holds.
 */
export async function libraryMark({ engine, device }: EngineOn, threads: number): Promise<string> {
  try {
    switch (engine) {
      case 'blas': {
        const { openBlas } = await import('./blas/library.js');
        const { name, path } = openBlas(threads);
        return `${name} ${stampOf(path)}`;
      }
      case 'tensorflow': {
        const { addonFor } = await import('./tensorflow/binding.js');
        return stampOf(addonFor(device) ?? '');
      }
      case 'onnx':
        return device === 'cpu' || device === 'webgpu' ? onnxPackage() : stampOf(join(installedOnnxCuda(), 'package.json'));
      default:
        return engine;
    }
  } catch (error) {
    return errorMessage(error);
  }
}

/** The native runtime, else the one in WebAssembly. */
function onnxPackage(): string {
  const { resolve } = createRequire(import.meta.url);
  for (const name of ['onnxruntime-node', 'onnxruntime-web']) {
    try {
      // Their manifests are not among what they export.
      const entry = resolve(name);
      const manifest = join(entry.slice(0, entry.lastIndexOf(join(name, 'dist'))), name, 'package.json');
      return `${name} ${JSON.parse(readFileSync(manifest, 'utf8')).version} ${stampOf(dirname(entry))}`;
    } catch {}
  }
  return '';
}

/** Empty for a library that only the system's loader finds. */
function stampOf(path: string): string {
  const stat = path.includes('/') ? statSync(path, { throwIfNoEntry: false }) : undefined;
  return stat ? `${path} ${stat.size} ${stat.mtimeMs}` : '';
}
