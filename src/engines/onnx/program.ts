import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { Runtime } from './runtime.js';

/** An array to read a tensor from, or to write one to. It may be longer than the tensor. */
export interface Slot {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** The tensors of a run: views of the slots' arrays, so that a run sees those arrays' present values. */
export interface Binding {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly fetches: Readonly<Record<string, Tensor>>;
}

/** One graph, ready to run. */
export class Program {
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;

  private constructor(runtime: Runtime, session: InferenceSession) {
    this.#runtime = runtime;
    this.#session = session;
  }

  /** @param outputs leave them on the device, for `runThere` */
  static async open(runtime: Runtime, model: Uint8Array, outputs?: 'gpu-buffer'): Promise<Program> {
    return new Program(runtime, await runtime.createSession(model, outputs));
  }

  /**
   * Makes the tensors of a run over these slots; a binding can be run any number of times.
   * @param feeds every input of the graph, by name
   * @param fetches those of its outputs that are wanted
   */
  bind(feeds: ReadonlyMap<string, Slot>, fetches: ReadonlyMap<string, Slot>): Binding {
    return { feeds: this.#tensors(feeds), fetches: this.#tensors(fetches) };
  }

  /** Runs the graph and leaves its results where they are, by name. Whoever asks for them disposes of them. */
  async runThere(slots: ReadonlyMap<string, Slot>): Promise<Readonly<Record<string, Tensor>>> {
    return this.#session.run(this.#tensors(slots));
  }

  /**
   * Runs the graph and writes its results to the slots the binding was made for.
   * @param held tensors on the device, in place of the feeds of their names
   */
  async run({ feeds: given, fetches }: Binding, held?: Readonly<Record<string, Tensor>>): Promise<void> {
    const feeds = held ? { ...given, ...held } : given;
    if (this.#runtime.writesToFetches) {
      await this.#session.run(feeds, fetches);
      return;
    }
    const results = await this.#session.run(feeds, Object.keys(fetches));
    for (const [name, { data }] of Object.entries(fetches)) {
      const result = results[name]?.data;
      if (data instanceof Float32Array && result instanceof Float32Array) data.set(result);
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #tensors(slots: ReadonlyMap<string, Slot>): Record<string, Tensor> {
    const { Tensor } = this.#runtime;
    const tensors = [...slots].map(([name, { data, dims }]) => {
      const size = dims.reduce((product, extent) => product * extent, 1);
      return [name, new Tensor('float32', data.subarray(0, size), dims)] as const;
    });
    return Object.fromEntries(tensors);
  }
}
