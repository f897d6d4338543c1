import type { Engine, EngineIdentity } from '../engines/engine.js';
import { openEngine } from '../engines/openEngine.js';
import type { ModelMetadata } from '../formats/metadata.js';
import type { Config } from '../shared/config/configSchema.js';
import type { Preparation } from '../shared/config/dataSchema.js';
import type { Device } from '../shared/engine/device.js';
import type { Precision } from '../shared/engine/precision.js';
import { buildNetwork, type Network } from '../shared/model/network.js';
import type { Loss, Metric, ModelSpec } from '../shared/model/spec.js';
import { oneAtATime } from '../shared/system/oneAtATime.js';

/** A trained model, and what is known of how it was trained. */
export interface TrainedModel {
  /** Where its model.json is. */
  readonly folder: string;
  readonly spec: ModelSpec;
  /** Flat, in the layout's order. */
  readonly weights: Float32Array;
  readonly loss: Loss | undefined;
  readonly metrics: readonly Metric[];
  /** What is done to inputs as they stand in files, and what its classes are called. */
  readonly preparation: Preparation | undefined;
  readonly classes: readonly string[] | undefined;
  /** How rows of a table become samples, where it was trained on one. */
  readonly schema: ModelMetadata['schema'];
  /** The run's, where the model stands in a run's folder that was named. */
  readonly config: Config | undefined;
}

/** Which engine computes, on what, and with how many threads. */
export interface EngineChoice {
  readonly engine: string;
  readonly threads: number;
  readonly device: Device;
  readonly precision: Precision;
}

/** Most samples of one engine call: what a call holds in memory is bounded, however many samples are asked for. */
const chunkSize = 512;

/** A trained model and an engine that computes what it gives. Close it when done. */
export class Model implements TrainedModel {
  readonly folder: string;
  readonly spec: ModelSpec;
  readonly network: Network;
  readonly weights: Float32Array;
  readonly loss: Loss | undefined;
  readonly metrics: readonly Metric[];
  readonly preparation: Preparation | undefined;
  readonly classes: readonly string[] | undefined;
  readonly schema: ModelMetadata['schema'];
  readonly config: Config | undefined;
  readonly choice: EngineChoice;
  readonly #engine: Engine;
  /** The engine takes one call at a time. */
  readonly #alone = oneAtATime();

  private constructor(trained: TrainedModel, network: Network, choice: EngineChoice, engine: Engine) {
    this.folder = trained.folder;
    this.spec = trained.spec;
    this.network = network;
    this.weights = trained.weights;
    this.loss = trained.loss;
    this.metrics = trained.metrics;
    this.preparation = trained.preparation;
    this.classes = trained.classes;
    this.schema = trained.schema;
    this.config = trained.config;
    this.choice = choice;
    this.#engine = engine;
  }

  /** @throws UsageError for an unknown engine */
  static async open(trained: TrainedModel, choice: EngineChoice): Promise<Model> {
    const network = buildNetwork(trained.spec);
    // Predictions have no loss; an engine is opened for one all the same, and any network can take this one.
    const task = {
      network,
      loss: 'meanSquaredError',
      metrics: [],
      sparseTargets: false,
      threads: choice.threads,
      device: choice.device,
      precision: choice.precision,
    } as const;
    return new Model(trained, network, choice, await openEngine(choice.engine, task));
  }

  /** What computes. */
  get engine(): EngineIdentity {
    return this.#engine.identity;
  }

  /**
   * What the network gives, [n, outputs], for samples [n, inputs], both row-major. Calls may overlap: they wait for each
   * other.
   * @param inputs already prepared; must stay as they are until the promise resolves
   * @throws RangeError if these are not whole samples
   */
  predict(inputs: Float32Array): Promise<Float32Array> {
    return this.#alone(() => this.#predict(inputs));
  }

  /** Waits for predictions on their way, then frees the engine. */
  async close(): Promise<void> {
    await this.#alone(() => this.#engine.close());
  }

  async #predict(inputs: Float32Array): Promise<Float32Array> {
    const { inputs: width, outputs: outputWidth } = this.network;
    const count = inputs.length / width;
    if (!Number.isInteger(count))
      throw new RangeError(`expected samples of ${width} values one behind the other, got ${inputs.length} values`);
    const outputs = new Float32Array(count * outputWidth);
    for (let first = 0; first < count; first += chunkSize) {
      const last = Math.min(first + chunkSize, count);
      const chunk = { count: last - first, inputs: inputs.subarray(first * width, last * width) };
      outputs.set(await this.#engine.predict(chunk, this.weights), first * outputWidth);
    }
    return outputs;
  }
}
