import { AwakeTimer } from '../shared/awake.js';
import { RunError } from '../shared/errors.js';

export interface StaffingOptions {
  readonly workers: number;
  readonly minWorkers: number;
  /** Seconds to wait for more once the first worker is ready. */
  readonly startTimeout: number;
  /** Seconds that a run waits once it has fewer than `minWorkers`. */
  readonly workerTimeout: number;
  /** How many workers are still on their way, as far as anybody knows; Infinity where others may always come. */
  readonly coming: () => number;
  /** The run has too few workers for now, and waits. */
  readonly onShort: (line: string) => void;
  /** It has enough again. */
  readonly onEnough: () => void;
  /** The run cannot go on. */
  readonly onHopeless: (reason: RunError) => void;
}

/** Decides when a run has the workers to start, when it must wait for more, and when there is no hope. */
export class Staffing {
  readonly #options: StaffingOptions;
  #ready = 0;
  #hasStarted = false;
  #isOverdue = false;
  #timer: AwakeTimer | undefined;
  #lastLoss = '';
  #failure: Error | undefined;
  #isClosed = false;
  #waiting: { resolve: () => void; reject: (reason: Error) => void }[] = [];

  constructor(options: StaffingOptions) {
    this.#options = options;
  }

  /** Has the run the workers it needs, now? */
  get isEnough(): boolean {
    return this.#hasStarted && this.#ready >= this.#options.minWorkers;
  }

  /** Resolves when the run may start or go on; rejects when it never can. */
  enough(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.isEnough) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  workerReady(): void {
    this.#ready++;
    if (!this.#hasStarted && this.#timer === undefined) {
      this.#startTimer(this.#options.startTimeout, () => {
        this.#isOverdue = true;
        this.#decide();
      });
    }
    this.#decide();
  }

  /** @param loss who is gone and why, as a clause */
  workerLeft(wasReady: boolean, loss: string): void {
    if (wasReady) this.#ready--;
    this.#lastLoss = loss;
    this.#decide();
  }

  /** Nobody need wait any longer: the run is over, for this reason. */
  fail(reason: Error): void {
    this.#failure ??= reason;
    this.close();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  /** Nothing is decided any more. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #decide(): void {
    const { workers, minWorkers, coming } = this.#options;
    const isShort = this.#ready < minWorkers;
    const noneComing = coming() === 0;
    if (isShort && noneComing) this.#giveUp();
    else if (this.#hasStarted && isShort) this.#waitForMore();
    else if (this.#hasStarted || this.#ready >= workers || (!isShort && (noneComing || this.#isOverdue))) this.#goOn();
  }

  #goOn(): void {
    const wasShort = this.#hasStarted && this.#timer !== undefined;
    this.#hasStarted = true;
    this.#stopTimer();
    if (wasShort) this.#options.onEnough();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #waitForMore(): void {
    if (this.#timer !== undefined) return;
    const { workerTimeout, onShort } = this.#options;
    this.#startTimer(workerTimeout, () => this.#giveUp());
    onShort(`${this.#shortage()}; waiting up to ${workerTimeout} s for more`);
  }

  #giveUp(): void {
    const reason = new RunError(this.#shortage());
    this.fail(reason);
    this.#options.onHopeless(reason);
  }

  #startTimer(seconds: number, run: () => void): void {
    if (this.#isClosed) return;
    this.#timer = new AwakeTimer(run, seconds * 1_000);
  }

  #shortage(): string {
    const left = this.#ready === 0 ? 'no worker is left' : `only ${this.#ready} ${this.#ready === 1 ? 'worker is' : 'workers are'} left`;
    return `${this.#lastLoss}; ${left}, the run needs at least ${this.#options.minWorkers}`;
  }
}
