/** Is a range of so few steps of float32, at this distance from 0, that rounding to it is felt: under a thousand? */
export function isCoarse(range: number, distance: number): boolean {
  return range < 1_000 * 2 ** -23 * distance;
}
