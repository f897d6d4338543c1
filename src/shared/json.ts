/** Figures by name: `loss`, `valAccuracy`, ... */
export type Figures = Readonly<Record<string, number>>;

/** JSON in one line; numbers that are not finite, which JSON lacks, become strings: "NaN", "Infinity", "-Infinity". */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner));
}
