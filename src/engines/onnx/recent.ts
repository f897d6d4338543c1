/** Values kept. A trainer alternates between two or three arrays of each kind, and has a smaller last batch. */
const capacity = 8;

interface Entry<T> {
  readonly count: number;
  readonly arrays: readonly Float32Array[];
  readonly value: T;
}

/** Remembers the last few values made for lists of arrays, so that a run over the same arrays makes nothing anew. */
export class Recent<T> {
  readonly #entries: Entry<T>[] = [];

  /** The value made for `count` samples in these arrays, or in other views of the same memory; made now if there is none. */
  recall(count: number, arrays: readonly Float32Array[], make: () => T): T {
    const at = this.#entries.findIndex((entry) => entry.count === count && isSameMemory(entry.arrays, arrays));
    const entry = this.#entries[at] ?? { count, arrays, value: make() };
    if (at !== 0) {
      if (at > 0) this.#entries.splice(at, 1);
      this.#entries.unshift(entry);
      this.#entries.splice(capacity);
    }
    return entry.value;
  }
}

function isSameMemory(as: readonly Float32Array[], bs: readonly Float32Array[]): boolean {
  return as.length === bs.length && as.every((a, i) => isSameView(a, bs[i]));
}

function isSameView(a: Float32Array, b: Float32Array | undefined): boolean {
  return a === b || (a.buffer === b?.buffer && a.byteOffset === b.byteOffset && a.length === b.length);
}
