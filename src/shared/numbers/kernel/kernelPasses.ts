/** Passes that treat every element by itself: over parts of the arrays, in any order, they give the same bits. */
export const passNames = ['add', 'isFinite', 'average', 'clip', 'adam', 'sgd', 'momentum', 'rmsprop'] as const;
export type PassName = (typeof passNames)[number];

/** Addresses of arrays of one length (0 where there is none), that length, and numbers. What says 0 has found something amiss. */
type Pass = (...numbers: number[]) => number | undefined;
export type Passes = Readonly<Record<PassName, Pass>>;

/** Runs a pass over values [from, to) of its arrays. Is nothing amiss? */
export function runPart(pass: Pass, addresses: readonly number[], from: number, to: number, numbers: readonly number[]): boolean {
  const places = addresses.map((address) => (address === 0 ? 0 : address + 4 * from));
  return pass(...places, to - from, ...numbers) !== 0;
}

/** Runs passes on the caller's thread alone. */
export function oneThread(passes: Passes): (name: PassName, addresses: readonly number[], length: number, ...numbers: number[]) => boolean {
  return (name, addresses, length, ...numbers) => passes[name](...addresses, length, ...numbers) !== 0;
}
