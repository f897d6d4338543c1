import { RunError } from '../shared/errors.js';

export interface StaffingOptions {
  readonly workers: number;
  readonly minWorkers: number;
  /** Seconds to wait for more once the first worker is ready. */
  readonly startTimeout: number;
  /** How many workers are still on their way, as far as anybody knows; Infinity where others may always come. */
  readonly coming: () => number;
  /** Called once when the run can no longer have enough workers after its start. */
  readonly onShort: (reason: RunError) => void;
}

/** Decides when a run has the workers to start, and when it has too few to go on. */
export class Staffing {
  /** Resolves when training may start; rejects when it never can. */
  readonly started: Promise<void>;
  readonly #options: StaffingOptions;
  #ready = 0;
  #hasStarted = false;
  #isOverdue = false;
  #timer: NodeJS.Timeout | undefined;
  #lastLoss = '';
  #resolve: () => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor(options: StaffingOptions) {
    this.#options = options;
    this.started = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits for the start hears of it; until then nobody is there to.
    this.started.catch(() => undefined);
  }

  workerReady(): void {
    this.#ready++;
    this.#timer ??= setTimeout(() => {
      this.#isOverdue = true;
      this.#decide();
    }, this.#options.startTimeout * 1_000);
    this.#decide();
  }

  /** @param loss who is gone and why, as one sentence */
  workerLeft(wasReady: boolean, loss: string): void {
    if (wasReady) this.#ready--;
    this.#lastLoss = loss;
    this.#decide();
  }

  /** Gives up waiting for the start. */
  fail(reason: Error): void {
    this.close();
    this.#reject(reason);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #decide(): void {
    const { workers, minWorkers, coming } = this.#options;
    const isShort = this.#ready < minWorkers;
    if (this.#hasStarted) {
      if (isShort) this.#options.onShort(this.#shortage());
      return;
    }
    const noneComing = coming() === 0;
    if (isShort && noneComing) {
      this.close();
      this.#reject(this.#shortage());
    } else if (this.#ready >= workers || (!isShort && (noneComing || this.#isOverdue))) {
      this.#hasStarted = true;
      this.close();
      this.#resolve();
    }
  }

  #shortage(): RunError {
    const left = this.#ready === 0 ? 'no worker is left' : `only ${this.#ready} ${this.#ready === 1 ? 'worker is' : 'workers are'} left`;
    return new RunError(`${this.#lastLoss}; ${left}, the run needs at least ${this.#options.minWorkers}`);
  }
}
