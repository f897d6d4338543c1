import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineIdentity } from '../engines/engine.js';
import { RunError } from '../shared/text/errors.js';
import type { EngineChoice, Model, TrainedModel } from './model.js';

/** What a process is asked: first to open a model, then what that gives for some samples. */
export type PredictorRequest =
  | ({ readonly kind: 'open'; readonly choice: EngineChoice } & Pick<TrainedModel, 'folder' | 'spec' | 'weights'>)
  | { readonly kind: 'predict'; readonly inputs: Float32Array };

/** What it answers, in the order in which it is asked. */
export type PredictorAnswer =
  | { readonly kind: 'opened'; readonly engine: EngineIdentity }
  | { readonly kind: 'predicted'; readonly outputs: Float32Array }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Processes that compute what a model gives, each with an engine of its own: native engines are not for threads. They are
 * started as there is work for them, and none outlives this one. Close it when done.
 */
export class PredictorPool {
  readonly #model: Model;
  readonly #most: number;
  readonly #predictors: Predictor[] = [];

  /** @param processes that there may be */
  constructor(model: Model, processes: number) {
    this.#model = model;
    this.#most = processes;
    // Also where whoever reads our results has had enough.
    process.once('exit', this.#kill);
  }

  /**
   * As `Model.predict`, by the process that has least to do.
   * @param inputs are sent before this returns, and may then be overwritten
   * @throws RunError where the process ends, or computes with another engine than the model does
   */
  predict(inputs: Float32Array): Promise<Float32Array> {
    const least = Math.min(...this.#predictors.map(({ load }) => load));
    const idlest = this.#predictors.find(({ load }) => load === least);
    if (idlest && (least === 0 || this.#predictors.length === this.#most)) return idlest.predict(inputs);
    const fresh = new Predictor(this.#model);
    this.#predictors.push(fresh);
    return fresh.predict(inputs);
  }

  /** Ends all processes, whatever they are doing. */
  async close(): Promise<void> {
    process.off('exit', this.#kill);
    this.#kill();
    await Promise.all(this.#predictors.map(({ ended }) => ended));
  }

  readonly #kill = (): void => {
    for (const predictor of this.#predictors) predictor.kill();
  };
}

interface Waiter {
  readonly resolve: (answer: PredictorAnswer) => void;
  readonly reject: (reason: RunError) => void;
}

/** One of the processes. */
class Predictor {
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #waiting: Waiter[] = [];
  readonly #opened: Promise<void>;
  #failure: RunError | undefined;

  constructor({ folder, spec, weights, choice, engine }: Model) {
    const entry = fileURLToPath(import.meta.resolve('#predictor'));
    const child = fork(entry, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' });
    this.#child = child;
    child.on('message', (answer: PredictorAnswer) => this.#waiting.shift()?.resolve(answer));
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#fail(`a process that predicts (pid ${child.pid}) ${how}: start again, with fewer workers if memory is short`);
        resolve();
      };
      child.once('exit', (code, signal) => end(signal === null ? `ended with code ${code}` : `was killed by ${signal}`));
      // Of one that was started, its end says more than that nothing can be sent to it.
      child.on('error', ({ message }) => child.pid === undefined && end(`could not be started (${message})`));
    });
    this.#opened = this.#open({ kind: 'open', folder, spec, weights, choice: { ...choice, engine: engine.engine } }, engine);
    // It is told to those who ask for predictions.
    this.#opened.catch(() => undefined);
  }

  /** Requests that it has not answered. */
  get load(): number {
    return this.#waiting.length;
  }

  async predict(inputs: Float32Array): Promise<Float32Array> {
    const [answer] = await Promise.all([this.#ask({ kind: 'predict', inputs }), this.#opened]);
    if (answer.kind !== 'predicted') throw new RunError(`a process that predicts cannot: ${reasonOf(answer)}`);
    return answer.outputs;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #open(request: PredictorRequest, expected: EngineIdentity): Promise<void> {
    const answer = await this.#ask(request);
    if (answer.kind !== 'opened') throw new RunError(`a process that predicts cannot open the model: ${reasonOf(answer)}`);
    const [here, there] = [nameOf(expected), nameOf(answer.engine)];
    // Others would give other last digits.
    if (here !== there) throw new RunError(`expected a process that predicts to compute with ${here}, got ${there}: do without --workers`);
  }

  #ask(request: PredictorRequest): Promise<PredictorAnswer> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#child.connected) this.#child.send(request);
    });
  }

  #fail(message: string): void {
    this.#failure = new RunError(message);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

function reasonOf(answer: PredictorAnswer): string {
  return answer.kind === 'failed' ? answer.message : `it answers "${answer.kind}"`;
}

function nameOf({ engine, provider, library }: EngineIdentity): string {
  return `${engine} (${provider}, ${library})`;
}
