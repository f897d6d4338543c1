import { AwakeTimer, awakeNow } from '../../shared/system/awakeTimer.js';
import { RunError } from '../../shared/text/errors.js';
import { printableLine } from '../../shared/text/printable.js';

export interface QuorumOptions {
  readonly workers: number;
  readonly minWorkers: number;
  /** Seconds to wait for more once the first worker is ready. */
  readonly startTimeout: number;
  /** Seconds that a run waits once it has fewer than `minWorkers`. */
  readonly workerTimeout: number;
  /** How many workers are still on their way, as far as anybody knows; Infinity where others may always come. */
  readonly coming: () => number;
}

/** Hears of a run's quorum. */
export interface QuorumListener {
  /** One line for a person: how many workers are ready, and how long the others are waited for. */
  notice(line: string): void;
  /** The run has too few workers for now, and waits. */
  short(): void;
  /** It has enough again. */
  enough(): void;
  /** The run cannot go on. */
  hopeless(reason: RunError): void;
}

/** Decides when a run has the workers to start, when it must wait for more, and when there is no hope. */
export class Quorum {
  readonly #options: QuorumOptions;
  readonly #listener: QuorumListener;
  #ready = 0;
  #hasStarted = false;
  #isOverdue = false;
  /** Does it wait for more than it has, with an end to that? */
  #isShort = false;
  /** When the timer ends, in milliseconds awake. */
  #timerEnd = 0;
  #timer: AwakeTimer | undefined;
  #lastLoss = '';
  #failure: Error | undefined;
  #isClosed = false;
  #waiting: { resolve: () => void; reject: (reason: Error) => void }[] = [];

  constructor(options: QuorumOptions, listener: QuorumListener) {
    this.#options = options;
    this.#listener = listener;
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
        this.#stopTimer();
        this.#decide();
      });
    }
    this.#decide();
    this.#tellAwaiting();
  }

  /** @param loss who is gone and why, as a clause */
  workerLeft(wasReady: boolean, loss: string): void {
    if (wasReady) this.#ready--;
    this.#lastLoss = printableLine(loss);
    this.#decide();
    if (wasReady) this.#tellAwaiting();
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
    const others = coming();
    const noneComing = others === 0;
    if (isShort && noneComing) this.#giveUp();
    else if (isShort && (this.#hasStarted || (this.#isOverdue && others === Number.POSITIVE_INFINITY))) this.#waitForMore();
    else if (this.#hasStarted || this.#ready >= workers || (!isShort && (noneComing || this.#isOverdue))) this.#goOn();
  }

  #goOn(): void {
    const wasShort = this.#isShort;
    this.#hasStarted = true;
    this.#isShort = false;
    this.#stopTimer();
    if (wasShort) this.#listener.enough();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #waitForMore(): void {
    if (this.#isShort) return;
    this.#isShort = true;
    const { workerTimeout } = this.#options;
    this.#startTimer(workerTimeout, () => this.#giveUp());
    this.#listener.notice(`${this.#shortage()}; waiting up to ${workerTimeout} s for more`);
    this.#listener.short();
  }

  #giveUp(): void {
    const reason = new RunError(this.#shortage());
    this.fail(reason);
    this.#listener.hopeless(reason);
  }

  #startTimer(seconds: number, run: () => void): void {
    if (this.#isClosed) return;
    this.#stopTimer();
    this.#timerEnd = awakeNow() + seconds * 1_000;
    this.#timer = new AwakeTimer(run, seconds * 1_000);
  }

  /** Processes that the run has started are seen to come; of others, only this tells. */
  #tellAwaiting(): void {
    const { workers, minWorkers, workerTimeout, coming } = this.#options;
    if (this.#hasStarted || this.#failure || this.#timer === undefined || coming() !== Number.POSITIVE_INFINITY) return;
    const left = Math.max(0, (this.#timerEnd - awakeNow()) / 1_000);
    const isEnough = this.#ready >= minWorkers;
    const after = isEnough ? 'starts' : this.#isShort ? 'ends' : `needs at least ${minWorkers}, and ends`;
    const time = Math.ceil(isEnough || this.#isShort ? left : left + workerTimeout);
    this.#listener.notice(
      `${this.#ready} of ${workers} workers ready; the run ${after} in ${time} s unless ${isEnough ? 'all' : 'more'} are ready before`,
    );
  }

  #shortage(): string {
    if (!this.#hasStarted && this.#isOverdue)
      return `${this.#lastLoss === '' ? '' : `${this.#lastLoss}; `}${this.#ready} of ${this.#options.workers} workers ready, the run needs at least ${this.#options.minWorkers}`;
    const left = this.#ready === 0 ? 'no worker is left' : `only ${this.#ready} ${this.#ready === 1 ? 'worker is' : 'workers are'} left`;
    return `${this.#lastLoss}; ${left}, the run needs at least ${this.#options.minWorkers}`;
  }
}
