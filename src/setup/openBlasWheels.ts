import type { Machine, Wheel } from './wheel.js';

/** OpenBLAS as SciPy's maintainers build it: for all processors of a kind in one library, of no other library's need. */
export const openBlasVersion = '0.3.34.481.3';

const wheels: Readonly<Record<string, Pick<Wheel, 'bytes' | 'sha256'> & { readonly tag: string }>> = {
  'x64 glibc': {
    tag: 'manylinux_2_27_x86_64.manylinux_2_28_x86_64',
    bytes: 7_885_409,
    sha256: '0595f94cd58c1f8a0d90c975621f4587337a003916b1979e834ebdf2cb5d9504',
  },
  'arm64 glibc': {
    tag: 'manylinux_2_27_aarch64.manylinux_2_28_aarch64',
    bytes: 9_148_457,
    sha256: 'e085dddbc5b9aa130f83def515d31c440e69f387a90c7e63b154a5575b4466bc',
  },
  'x64 musl': {
    tag: 'musllinux_1_2_x86_64',
    bytes: 8_109_857,
    sha256: '46fac855d3c05004f9ee111eeeeb0aeb076c6411fc6f87c34a49b8ba729c4c38',
  },
  'arm64 musl': {
    tag: 'musllinux_1_2_aarch64',
    bytes: 9_282_655,
    sha256: '88b00ba6a232fe958695403f6f71858fb23c3c9ce561c467e787e5d46ace16ca',
  },
};

/** The wheel for a machine, if there is one. */
export function openBlasWheel({ platform, arch, libc }: Machine): Wheel | undefined {
  const found = platform === 'linux' ? wheels[`${arch} ${libc}`] : undefined;
  if (!found) return undefined;
  const { tag, bytes, sha256 } = found;
  return { package: 'scipy-openblas32', file: `scipy_openblas32-${openBlasVersion}-py3-none-${tag}.whl`, bytes, sha256 };
}
