import { errorMessage } from '../shared/text/errors.js';

/** What of a run cannot be written at present: training goes on without it, and it is told once, and once it is over. */
export class Troubles {
  readonly #pathOf: (name: string) => string;
  readonly #say: (line: string) => void;
  /** By name: why. */
  readonly #open = new Map<string, string>();

  constructor(pathOf: (name: string) => string, say: (line: string) => void) {
    this.#pathOf = pathOf;
    this.#say = say;
  }

  has(name: string): boolean {
    return this.#open.has(name);
  }

  /** What is amiss still, if anything is. */
  get first(): { readonly path: string; readonly reason: string } | undefined {
    const [first] = this.#open;
    return first && { path: this.#pathOf(first[0]), reason: first[1] };
  }

  /** @param error why it could not be written; undefined where it could */
  note(name: string, error: unknown): void {
    const isNew = error !== undefined && !this.#open.has(name);
    const isOver = error === undefined && this.#open.delete(name);
    if (error !== undefined) this.#open.set(name, errorMessage(error));
    if (isNew) this.#say(`${this.#pathOf(name)} cannot be written (${errorMessage(error)}); training goes on`);
    if (isOver) this.#say(`${this.#pathOf(name)} can be written again`);
  }
}
