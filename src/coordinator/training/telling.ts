import type { Observer, StepFigures, Store } from './ports.js';

/** Says what came of a step while the workers compute the next one, or before anything else is said or saved. */
export class Telling {
  readonly #store: Pick<Store, 'log'>;
  readonly #observer: Observer;
  #untold: { readonly figures: StepFigures; readonly hasMoved: boolean } | undefined;

  constructor(store: Pick<Store, 'log'>, observer: Observer) {
    this.#store = store;
    this.#observer = observer;
  }

  note(figures: StepFigures, hasMoved: boolean): void {
    this.#untold = { figures, hasMoved };
  }

  /** Says what has not been said. */
  tell(): void {
    if (!this.#untold) return;
    const { figures, hasMoved } = this.#untold;
    this.#untold = undefined;
    this.#store.log({ kind: 'step', ...figures, ...(hasMoved ? {} : { skipped: true }) });
    this.#observer.onStep?.(figures);
  }
}
