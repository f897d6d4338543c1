import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Where `bpnn-dist setup` puts what it installs, and everyone looks for it: the folder that BPNN_DIST_HOME names, else
 * `bpnn-dist` in the user's data folder (XDG base directories).
 */
export function homeFolder(): string {
  const { BPNN_DIST_HOME: named, XDG_DATA_HOME: data } = process.env;
  if (named !== undefined && named !== '') return resolve(named);
  return join(data !== undefined && data !== '' ? data : join(homedir(), '.local', 'share'), 'bpnn-dist');
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

/** Where is kept what can be found out again: `bpnn-dist` in the user's cache folder (XDG base directories). */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME: cache } = process.env;
  return join(cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'), 'bpnn-dist');
}
