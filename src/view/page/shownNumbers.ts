/** Numbers as a person reads them. */

export function figure(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3);
  return size >= 1_000 ? whole(value) : String(Number(value.toPrecision(4)));
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

/** Seconds as `7 s`, `2 min 5 s`, `3 h 20 min`. */
export function duration(seconds: number): string {
  const all = Math.round(seconds);
  if (!Number.isFinite(all)) return '–';
  if (all < 60) return `${all} s`;
  if (all < 3_600) return `${Math.floor(all / 60)} min ${all % 60} s`;
  const minutes = Math.round(all / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
