/** Figures by name: `loss`, `valAccuracy`, ... */
export type Figures = Readonly<Record<string, number>>;

/** JSON in one line; numbers that are not finite, which JSON lacks, become strings: "NaN", "Infinity", "-Infinity". */
export function jsonLine(value: unknown): string {
  const line = JSON.stringify(value);
  // They come out as null: only then is it worth asking every number.
  if (!line.includes('null')) return line;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner));
}
