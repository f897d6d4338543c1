import type { Model } from '../model.js';

/** Samples that are predicted together, at most. */
const mostSamples = 512;

interface Waiting {
  readonly inputs: Float32Array;
  readonly resolve: (outputs: Float32Array) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Predicts for many who ask at once: what comes while the engine is busy is predicted together, in the order in which it came.
 */
export class Batcher {
  readonly #model: Pick<Model, 'predict' | 'network'>;
  readonly #onBatch: (samples: number) => void;
  #waiting: Waiting[] = [];
  #isBusy = false;

  /** @param onBatch is told how many samples are predicted together */
  constructor(model: Pick<Model, 'predict' | 'network'>, onBatch: (samples: number) => void = () => undefined) {
    this.#model = model;
    this.#onBatch = onBatch;
  }

  /** What the model gives, [n, outputs], for prepared samples [n, inputs]. */
  predict(inputs: Float32Array): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ inputs, resolve, reject });
      if (!this.#isBusy) this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) await this.#next();
    this.#isBusy = false;
  }

  async #next(): Promise<void> {
    const { inputs: width, outputs } = this.#model.network;
    const batch: Waiting[] = [];
    let values = 0;
    for (
      let next = this.#waiting[0];
      next && (batch.length === 0 || values + next.inputs.length <= mostSamples * width);
      next = this.#waiting[0]
    ) {
      batch.push(next);
      values += next.inputs.length;
      this.#waiting.shift();
    }
    const inputs = new Float32Array(values);
    batch.reduce((at, one) => {
      inputs.set(one.inputs, at);
      return at + one.inputs.length;
    }, 0);
    this.#onBatch(values / width);
    try {
      const given = await this.#model.predict(inputs);
      batch.reduce((at, one) => {
        const end = at + (one.inputs.length / width) * outputs;
        one.resolve(given.slice(at, end));
        return end;
      }, 0);
    } catch (error) {
      for (const one of batch) one.reject(error);
    }
  }
}
