import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { installedBlas } from '../../shared/files/home.js';
import { errorMessage, RunError } from '../../shared/text/errors.js';

/** The machine's library of matrix products (BLAS), called through koffi. */
export interface Blas {
  /** Its name and version, and the processor that it computes for, as far as it tells. */
  readonly name: string;
  /** What it was loaded by: a path, or the name of a file that the system's loader finds. */
  readonly path: string;
  /**
   * C = A . B, [m, k] . [k, n] = [m, n], row-major. A transposed factor stands in memory as [k, m] or [n, k].
   * Columns of each factor as it stands in memory are all there is between its rows.
   */
  product(m: number, n: number, k: number, a: Factor, b: Factor, c: Float32Array): void;
}

export interface Factor {
  readonly values: Float32Array;
  readonly transposed?: boolean;
}

/**
 * Where a BLAS may be: what the user names; else what the user has had installed, then OpenBLAS, MKL and Apple's as their
 * packages install them.
 */
function candidates(): readonly string[] {
  const named = process.env['BPNN_DIST_BLAS'] ?? '';
  if (named !== '') return named === 'none' ? [] : [named];
  if (process.platform === 'darwin') return ['/System/Library/Frameworks/Accelerate.framework/Accelerate'];
  return [installedBlas(), 'libopenblas.so.0', 'libopenblas.so', 'libmkl_rt.so.3', 'libmkl_rt.so.2', 'libmkl_rt.so'];
}

type Library = import('koffi').LibraryHandle;
type KoffiFunction = ReturnType<Library['func']>;

/** What the wheels of PyPI put before the names of their functions. */
const wheelPrefix = 'scipy_';

let found: Blas | RunError | undefined;

/**
 * Opens it once for the whole process.
 * @param threads that it may use; the first caller's count
 * @throws RunError where the machine has none
 */
export function openBlas(threads: number): Blas {
  found ??= find(threads);
  if (found instanceof RunError) throw found;
  return found;
}

/** Has the user named a library, which must then be there? */
function isNamed(): boolean {
  return !['', 'none'].includes(process.env['BPNN_DIST_BLAS'] ?? '');
}

/**
 * Has the machine one?
 * @throws RunError where the user has named one that cannot be used
 */
export function hasBlas(threads: number): boolean {
  try {
    openBlas(threads);
    return true;
  } catch (error) {
    if (isNamed()) throw error;
    return false;
  }
}

/**
 * Opens one library and no other.
 * @throws RunError saying why it cannot be used
 */
export function openBlasAt(path: string, threads: number): Blas {
  try {
    return bind(createRequire(import.meta.url)('koffi'), path, threads);
  } catch (error) {
    throw new RunError(`${path} cannot be used: ${errorMessage(error)}`);
  }
}

function find(threads: number): Blas | RunError {
  // Read by the libraries as they are loaded. MKL gives the same bits for arrays at any place only if asked to.
  for (const name of ['OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS']) process.env[name] ??= String(threads);
  process.env['MKL_CBWR'] ??= 'AUTO,STRICT';
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch (error) {
    return new RunError(`koffi cannot be loaded: ${errorMessage(error)}`);
  }
  const reasons: string[] = [];
  for (const path of candidates()) {
    try {
      return bind(koffi, path, threads);
    } catch (error) {
      reasons.push(`${path}: ${errorMessage(error)}`);
    }
  }
  const advice = isNamed()
    ? 'BPNN_DIST_BLAS names it'
    : 'install one: bpnn-dist setup blas (or Debian: libopenblas0-pthread), or name one with BPNN_DIST_BLAS';
  return new RunError(`no BLAS library can be used (${reasons.join('; ')}); ${advice}`);
}

const [rowMajor, plain, transpose] = [101, 111, 112];

function bind(koffi: typeof import('koffi'), path: string, threads: number): Blas {
  const library = koffi.load(path);
  const { prefix, sgemm } = productOf(library);
  return {
    name: nameOf(library, prefix, path, threads),
    path,
    product(m, n, k, a, b, c) {
      const [transA, lda] = a.transposed ? [transpose, m] : [plain, k];
      const [transB, ldb] = b.transposed ? [transpose, k] : [plain, n];
      sgemm(rowMajor, transA, transB, m, n, k, 1, a.values, lda, b.values, ldb, 0, c, n);
    },
  };
}

/** @throws Error where the library has it under no name */
function productOf(library: Library): { prefix: string; sgemm: KoffiFunction } {
  const declare = (prefix: string): { prefix: string; sgemm: KoffiFunction } => {
    const declaration = `void ${prefix}cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, _Inout_ float *c, int ldc)`;
    return { prefix, sgemm: library.func(declaration) };
  };
  try {
    return declare('');
  } catch {
    return declare(wheelPrefix);
  }
}

/** Sets OpenBLAS's threads as well, where it is OpenBLAS. Others follow the environment. */
function nameOf(library: Library, prefix: string, path: string, threads: number): string {
  try {
    library.func(`void ${prefix}openblas_set_num_threads(int threads)`)(threads);
    const config = String(library.func(`const char *${prefix}openblas_get_config()`)());
    const core = String(library.func(`const char *${prefix}openblas_get_corename()`)());
    return `OpenBLAS ${/\d+\.\d+\.\d+/.exec(config)?.[0] ?? ''} for ${core}`;
  } catch {
    return `${basename(path)} on ${cpus()[0]?.model.trim()}`;
  }
}
