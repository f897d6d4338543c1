/** A signal that aborts with another, or before it. */
export class Stop {
  readonly #own = new AbortController();
  readonly #other: AbortSignal;
  readonly #abort = (): void => this.abort();

  constructor(other: AbortSignal) {
    this.#other = other;
    if (other.aborted) this.abort();
    other.addEventListener('abort', this.#abort);
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  abort(): void {
    this.#own.abort();
  }

  close(): void {
    this.#other.removeEventListener('abort', this.#abort);
  }
}
