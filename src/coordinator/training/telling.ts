import type { Observer, StepFigures, Store } from './ports.js';

/** Says what came of a step while the workers compute the next one, or before anything else is said or saved. */
export class Telling {
  readonly #store: Pick<Store, 'log' | 'lastGradient'>;
  readonly #observer: Observer;
  #untold: { readonly figures: StepFigures; readonly hasMoved: boolean; readonly gradient: Float32Array | undefined } | undefined;

  constructor(store: Pick<Store, 'log' | 'lastGradient'>, observer: Observer) {
    this.#store = store;
    this.#observer = observer;
  }

  /** @param gradient of the last step of an epoch, where somebody wants it */
  note(figures: StepFigures, hasMoved: boolean, gradient: Float32Array | undefined): void {
    this.#untold = { figures, hasMoved, gradient };
  }

  /** Says what has not been said. */
  tell(): void {
    if (!this.#untold) return;
    const { figures, hasMoved, gradient } = this.#untold;
    this.#untold = undefined;
    this.#store.log({ kind: 'step', ...figures, ...(hasMoved ? {} : { skipped: true }) });
    if (gradient) this.#store.lastGradient?.(gradient);
    this.#observer.onStep?.(figures);
  }
}
