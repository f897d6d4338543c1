import type { Steps, Store, Workers } from '../training/ports.js';
import { StepTimes } from './stepTimes.js';
import { Stopwatch } from './stopwatch.js';
import { tracedStore, tracedWorkers } from './tracedPorts.js';
import type { Tracer } from './tracer.js';

/** Where the time of a training goes: beside it, by wrapping what it asks for. */
export class StepWatch implements Steps {
  /** Adding gradients up. */
  readonly adding: Stopwatch;
  /** The optimizer's passes. */
  readonly updating: Stopwatch;
  readonly steps = new StepTimes();
  readonly #tracer: Tracer | undefined;
  /** When the last step ended, if nothing but a step has followed. */
  #since: number | undefined;
  #isAhead = false;
  #added = 0;
  #updated = 0;

  constructor(tracer: Tracer | undefined) {
    this.#tracer = tracer;
    this.adding = new Stopwatch(tracer && ((from, to) => tracer.span('add', from, to)));
    this.updating = new Stopwatch(tracer && ((from, to) => tracer.span('optimizer', from, to)));
  }

  /** A step begins where the last one ended, if nothing came between. @param isAhead its gradients were asked for before */
  begins(isAhead: boolean): void {
    this.#isAhead = isAhead;
    if (this.#since === undefined) this.#mark(performance.now());
  }

  ends(step: number, computeMs: number): void {
    const now = performance.now();
    const from = this.#since ?? now;
    const [reduce, update] = [this.adding.total - this.#added, this.updating.total - this.#updated];
    this.#tracer?.step(step, from, now);
    // Of one that was asked for ahead only a part would be seen.
    if (!this.#isAhead) this.steps.record({ total: now - from, compute: computeMs, reduce, update });
    this.#mark(now);
  }

  #mark(now: number | undefined): void {
    this.#since = now;
    [this.#added, this.#updated] = [this.adding.total, this.updating.total];
  }

  workers(workers: Workers): Workers {
    const traced = this.#tracer ? tracedWorkers(workers, this.#tracer) : workers;
    return {
      ...traced,
      evaluate: (...args) => {
        this.#mark(undefined);
        return traced.evaluate(...args);
      },
    };
  }

  store(store: Store): Store {
    const traced = this.#tracer ? tracedStore(store, this.#tracer) : store;
    return {
      ...traced,
      saveCheckpoint: (checkpoint) => {
        this.#mark(undefined);
        return traced.saveCheckpoint(checkpoint);
      },
      saveModel: (name, weights) => {
        this.#mark(undefined);
        return traced.saveModel(name, weights);
      },
    };
  }
}
