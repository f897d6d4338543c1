import type { StepBatch } from '../../step/stepBatch.js';
import type { StepAnswers, Workers } from './ports.js';

/** Has the next step's gradients computed while the training decides and saves. They are applied only after that, to the same weights. */
export class AskAhead {
  readonly #workers: Workers;
  #asked: Promise<StepAnswers> | undefined;

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  ask(batch: StepBatch, weights: Float32Array): void {
    if (this.#asked) return;
    this.#asked = this.#workers.gradients(batch, weights);
    // Whoever waits for it will hear of it.
    this.#asked.catch(() => undefined);
  }

  /** What was asked for ahead, or is asked for now. */
  gradients(batch: StepBatch, weights: Float32Array): Promise<StepAnswers> {
    const asked = this.#asked ?? this.#workers.gradients(batch, weights);
    this.#asked = undefined;
    return asked;
  }
}
