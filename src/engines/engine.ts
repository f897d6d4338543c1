import type { Device } from '../shared/engine/device.js';
import type { EngineName } from '../shared/engine/engineNames.js';
import type { Precision } from '../shared/engine/precision.js';
import type { Network } from '../shared/model/network.js';
import type { Loss, Metric } from '../shared/model/spec.js';

/** Some samples, ready to be computed on. Arrays may be longer than the batch; only its first samples count. */
export interface Batch {
  /** Number of samples, n. */
  readonly count: number;
  /** [n, inputs], row-major. */
  readonly inputs: Float32Array;
  /** [n, outputs], row-major: class numbers come as one-hot rows. */
  readonly targets: Float32Array;
  /** [n]: what the loss of each sample is multiplied by, and so its gradient; metrics are not. Undefined: by 1. */
  readonly sampleWeights?: Float32Array | undefined;
  /** For each dropout of the network, [n, units]: 0 or 1 / (1 - rate). Empty when not training. */
  readonly masks: readonly Float32Array[];
}

/** Sums over the samples of a batch, never means. */
export interface BatchSums {
  /** Sum of the samples' losses, each times its weight, without penalties. */
  readonly loss: number;
  /** One sum a metric, in the order asked for. */
  readonly metrics: readonly number[];
}

/** Which code computes: its bits are reproducible only with the same one. */
export interface EngineIdentity {
  /** The config's name for it, e.g. `onnx`. */
  readonly engine: Exclude<EngineName, 'auto'>;
  /** What it runs on, e.g. `cpu`, `wasm`. */
  readonly provider: string;
  /** Package and version, e.g. `onnxruntime-node 1.30.0`. */
  readonly library: string;
}

/** What an engine is opened for. */
export interface EngineTask {
  readonly network: Network;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  /** Are targets class numbers (one-hot here)? Keras chooses the kind of accuracy by it. */
  readonly sparseTargets: boolean;
  /** Threads the engine may use. */
  readonly threads: number;
  readonly device: Device;
  /** Of the factors and results of matrix products, each of which is added up in float32; all else is float32, as is the default. */
  readonly precision?: Precision;
}

/** Computes gradients of one network. Calls must not overlap; nothing but weights is kept from one to the next. */
export interface Engine {
  readonly identity: EngineIdentity;
  /**
   * Writes the SUM over the samples of the loss's gradient to `gradient` and returns the other sums.
   * @param weights flat, in the layout's order
   * @param gradient flat, of the same size; overwritten
   */
  gradient(batch: Batch, weights: Float32Array, gradient: Float32Array): Promise<BatchSums>;
  /**
   * Tells that these weights stay as they are until this is called again, with these or others: an engine may hold them on
   * its device, and need not take them there again for every shard of a step. Calls with other arrays may come between.
   */
  keepWeights?(weights: Float32Array): Promise<void>;
  /** Loss and metrics with dropout off. */
  evaluate(batch: Batch, weights: Float32Array): Promise<BatchSums>;
  /** What the network gives for the samples, [n, outputs]: a fresh array. Targets and masks are not read. */
  predict(batch: Pick<Batch, 'count' | 'inputs'>, weights: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** The sums of a batch without samples. */
export function noSums({ metrics }: Pick<EngineTask, 'metrics'>): BatchSums {
  return { loss: 0, metrics: metrics.map(() => 0) };
}

/** @throws RangeError where a batch that is trained on has no mask for one of the network's dropouts */
export function maskOf<T>(masks: readonly T[], index: number): T {
  const mask = masks[index];
  if (mask === undefined) throw new RangeError(`the batch has no mask for dropout ${index}`);
  return mask;
}
