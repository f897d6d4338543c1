/**
 * Records of numbers that one process writes and another reads, in memory that both see. A record is there only once
 * it is whole: the writer's count moves last. Counts go on past 2^32.
 */
export class Mailbox {
  readonly #written: Int32Array;
  readonly #read: Int32Array;
  readonly #records: readonly Float64Array[];

  /** @param offset start of `mailboxBytes` bytes, on a cache line */
  constructor(memory: ArrayBufferLike, offset: number, length: number) {
    // Each count on a cache line of its own: they are written by different processes.
    this.#written = new Int32Array(memory, offset, 1);
    this.#read = new Int32Array(memory, offset + line, 1);
    this.#records = Array.from(
      { length: capacity },
      (_, i) => new Float64Array(memory, offset + 2 * line + i * recordBytes(length), length),
    );
  }

  /** The word that changes with every record. */
  get word(): Int32Array {
    return this.#written;
  }

  /** Its value when the reader has read everything. */
  get seen(): number {
    return Atomics.load(this.#read, 0);
  }

  /** Forgets what is in it. Only while nobody else uses it. */
  clear(): void {
    Atomics.store(this.#read, 0, Atomics.load(this.#written, 0));
  }

  /** Lets a record be written, if there is room for one. */
  post(write: (record: Float64Array) => void): boolean {
    const written = Atomics.load(this.#written, 0);
    const record = this.#records[(written >>> 0) % capacity];
    if (!record || ((written - Atomics.load(this.#read, 0)) | 0) >= capacity) return false;
    write(record);
    Atomics.store(this.#written, 0, (written + 1) | 0);
    return true;
  }

  /** Reads the oldest record, or gives undefined where there is none. */
  take<T>(read: (record: Float64Array) => T): T | undefined {
    const at = Atomics.load(this.#read, 0);
    const record = this.#records[(at >>> 0) % capacity];
    if (!record || at === Atomics.load(this.#written, 0)) return undefined;
    const result = read(record);
    Atomics.store(this.#read, 0, (at + 1) | 0);
    return result;
  }
}

/** Records that may wait to be read; a power of two, so that counts may wrap. */
const capacity = 16;
const line = 64;

/** Bytes that a mailbox of records of `length` numbers takes. */
export function mailboxBytes(length: number): number {
  return 2 * line + capacity * recordBytes(length);
}

function recordBytes(length: number): number {
  return Math.ceil((length * 8) / line) * line;
}
