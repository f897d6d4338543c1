import type { Wheel } from './wheel.js';

/** Which systems a wheel is for, as NVIDIA names them. */
export const manylinux = {
  m1: 'manylinux1_x86_64.manylinux_2_5_x86_64',
  m2010: 'manylinux2010_x86_64.manylinux_2_12_x86_64',
  m2014: 'manylinux2014_x86_64.manylinux_2_17_x86_64',
  m25: 'manylinux_2_25_x86_64',
  m27: 'manylinux_2_27_x86_64',
} as const;

/** A part of CUDA as NVIDIA packs it for Python. @param name of the package, behind `nvidia-` */
export function nvidiaWheel(name: string, version: string, system: keyof typeof manylinux, bytes: number, sha256: string): Wheel {
  const file = `nvidia_${name.replaceAll('-', '_')}-${version}-py3-none-${manylinux[system]}.whl`;
  return { package: `nvidia-${name}`, file, bytes, sha256 };
}
