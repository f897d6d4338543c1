import { type EngineOn, isOpen } from '../../shared/engine/engineFigures.js';
import type { Incarnation } from '../../shared/transport/transport.js';

export interface EngineChoiceOptions {
  /** What the config asks for. */
  readonly wanted: EngineOn;
  /** What the run has used before, if it is resumed. */
  readonly known: EngineOn | undefined;
  /** Each worker takes what is best where it is; else all take what the first has found best. */
  readonly isEach: boolean;
}

/** Who is to be told what was chosen, and who is to measure next. */
export interface Settled {
  readonly told: readonly Incarnation[];
  readonly next: Incarnation | undefined;
}

/**
 * Decides who measures which engine is the fastest, where the config leaves that open: whoever comes first, while the
 * others wait. Two that measured at the same time, perhaps on one machine, would slow each other down.
 */
export class EngineChoice {
  readonly #isEach: boolean;
  #chosen: EngineOn | undefined;
  #measuring: Incarnation | undefined;
  #waiting: Incarnation[] = [];
  /** Those that compute nothing themselves. */
  #listening: Incarnation[] = [];

  constructor({ wanted, known, isEach }: EngineChoiceOptions) {
    this.#isEach = isEach;
    this.#chosen = known ?? (isOpen(wanted) ? undefined : wanted);
  }

  /** What a worker that has come is to compute with, where that is known, or to do. */
  join(worker: Incarnation): EngineOn | 'measure' | 'wait' {
    if (this.#chosen) return this.#chosen;
    if (this.#measuring === undefined) {
      this.#measuring = worker;
      return 'measure';
    }
    this.#waiting.push(worker);
    return 'wait';
  }

  /** An aggregator has come. It is told with the others what was chosen. Says what that is, where it is known. */
  listen(aggregator: Incarnation): EngineOn | undefined {
    if (!this.#chosen) this.#listening.push(aggregator);
    return this.#chosen;
  }

  /** Is it this worker that was asked? */
  isMeasuring(worker: Incarnation): boolean {
    return this.#measuring === worker;
  }

  /** It has measured, and this is the fastest. */
  settle(worker: Incarnation, fastest: EngineOn): Settled {
    if (this.#isEach) return { told: [worker], next: this.#next() };
    this.#chosen = fastest;
    this.#measuring = undefined;
    return { told: [...this.#listening.splice(0), worker, ...this.#waiting.splice(0)], next: undefined };
  }

  /** A worker is gone. Returns who is to measure in its place. */
  leave(worker: Incarnation): Incarnation | undefined {
    this.#waiting = this.#waiting.filter((other) => other !== worker);
    this.#listening = this.#listening.filter((other) => other !== worker);
    return this.isMeasuring(worker) ? this.#next() : undefined;
  }

  #next(): Incarnation | undefined {
    this.#measuring = this.#waiting.shift();
    return this.#measuring;
  }
}
