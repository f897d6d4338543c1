import { createRequire } from 'node:module';
import { errorMessage, RunError } from '../../shared/errors.js';

/** The machine's library of matrix products (BLAS), called through koffi. */
export interface Blas {
  /** Its name and version, and the processor that it computes for, as far as it tells. */
  readonly name: string;
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

/** Where a BLAS may be: what the user names, then OpenBLAS, MKL and Apple's as their packages install them. */
function candidates(): readonly string[] {
  const named = process.env['BPNN_DIST_BLAS'];
  if (named !== undefined && named !== '') return [named];
  if (process.platform === 'darwin') return ['/System/Library/Frameworks/Accelerate.framework/Accelerate'];
  return ['libopenblas.so.0', 'libopenblas.so', 'libmkl_rt.so.2', 'libmkl_rt.so'];
}

/** Names of a library's functions: the wheels of PyPI put a word before them. */
const prefixes = ['', 'scipy_'];

let found: Blas | RunError | undefined;

/**
 * @param threads that it may use
 * @throws RunError where the machine has none
 */
export function openBlas(threads: number): Blas {
  found ??= find(threads);
  if (found instanceof RunError) throw found;
  return found;
}

export function hasBlas(threads: number): boolean {
  try {
    openBlas(threads);
    return true;
  } catch {
    return false;
  }
}

function find(threads: number): Blas | RunError {
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi');
  } catch (error) {
    return new RunError(`koffi cannot be loaded: ${errorMessage(error)}`);
  }
  for (const path of candidates()) {
    try {
      return bind(koffi, path, threads);
    } catch {
      // The next may be there.
    }
  }
  return new RunError(
    `no BLAS library was found (tried ${candidates().join(', ')}): install OpenBLAS (Debian: libopenblas0), or name one with BPNN_DIST_BLAS`,
  );
}

const [rowMajor, plain, transpose] = [101, 111, 112];

function bind(koffi: typeof import('koffi'), path: string, threads: number): Blas {
  const library = koffi.load(path);
  const first = <T>(declare: (prefix: string) => T): T => {
    for (const prefix of prefixes.slice(0, -1)) {
      try {
        return declare(prefix);
      } catch {
        // It may have the next.
      }
    }
    return declare(prefixes.at(-1) ?? '');
  };
  const sgemm = first((prefix) =>
    library.func(
      `void ${prefix}cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, _Inout_ float *c, int ldc)`,
    ),
  );
  return {
    name: nameOf(library, first, path, threads),
    product(m, n, k, a, b, c) {
      const [transA, lda] = a.transposed ? [transpose, m] : [plain, k];
      const [transB, ldb] = b.transposed ? [transpose, k] : [plain, n];
      sgemm(rowMajor, transA, transB, m, n, k, 1, a.values, lda, b.values, ldb, 0, c, n);
    },
  };
}

/** Sets OpenBLAS's threads as well, where it is OpenBLAS. Others follow the environment. */
function nameOf(
  library: import('koffi').LibraryHandle,
  first: <T>(declare: (prefix: string) => T) => T,
  path: string,
  threads: number,
): string {
  try {
    first((prefix) => library.func(`void ${prefix}openblas_set_num_threads(int threads)`))(threads);
    const config = String(first((prefix) => library.func(`const char *${prefix}openblas_get_config()`))());
    const core = String(first((prefix) => library.func(`const char *${prefix}openblas_get_corename()`))());
    return `OpenBLAS ${/\d+\.\d+\.\d+/.exec(config)?.[0] ?? ''} for ${core}`;
  } catch {
    return path;
  }
}
