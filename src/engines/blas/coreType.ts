import { readableText } from '../../shared/system/textIfThere.js';

/** OpenBLAS's names for x86-64 processors without AVX2; it takes one of them, mostly Prescott, for a processor that it does not know. */
const withoutAvx2: ReadonlySet<string> = new Set(
  [
    ...['Prescott', 'Northwood', 'Banias', 'Core2', 'Penryn', 'Dunnington', 'Nehalem', 'Sandybridge', 'Atom', 'Nano'],
    ...['Athlon', 'Opteron', 'Opteron_SSE3', 'Barcelona', 'Bobcat', 'Bulldozer', 'Piledriver', 'Steamroller', 'Generic', 'Unknown'],
  ].map((name) => name.toLowerCase()),
);

/**
 * The core type whose code OpenBLAS should use instead, where it uses that of a much older processor.
 * @param core that it uses, as openblas_get_corename tells
 * @param cpuinfo of /proc/cpuinfo; empty where there is none
 * @param chosen the user's OPENBLAS_CORETYPE: it stays, whatever it is
 * @returns undefined where its choice is good, or nothing is known
 */
export function betterCoreType(core: string, cpuinfo: string, chosen: string | undefined): 'SkylakeX' | 'Haswell' | undefined {
  if (chosen !== undefined && chosen !== '') return undefined;
  if (!withoutAvx2.has(core.toLowerCase())) return undefined;
  const [, line = ''] = /^flags\s*:(.*)$/m.exec(cpuinfo) ?? [];
  const flags = new Set(line.trim().split(/\s+/));
  const has = (...names: readonly string[]): boolean => names.every((name) => flags.has(name));
  if (has('avx512f', 'avx512bw', 'avx512dq', 'avx512vl')) return 'SkylakeX';
  return has('avx2', 'fma') ? 'Haswell' : undefined;
}

/** What a person should know of the code that OpenBLAS has chosen here; undefined where nothing is wrong with it. */
export function coreTypeAdvice(name: string): string | undefined {
  const [, library, core] = /^(OpenBLAS \S*) for (\S+)$/.exec(name) ?? [];
  const better =
    core === undefined ? undefined : betterCoreType(core, readableText('/proc/cpuinfo') ?? '', process.env['OPENBLAS_CORETYPE']);
  if (better === undefined) return undefined;
  return `${library} does not know this processor and uses its code for ${core}, which is several times slower: bpnn-dist setup blas installs a newer one, or set OPENBLAS_CORETYPE=${better} and see that bpnn-dist doctor finds no error`;
}
