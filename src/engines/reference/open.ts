import { viewOf } from '../../shared/model/layout.js';
import type { Network } from '../../shared/model/network.js';
import type { Batch, BatchSums, Engine, EngineIdentity, EngineTask } from '../engine.js';
import { metricSums } from '../metrics.js';
import { type OutputHead, outputHead } from '../outputHead.js';
import { activate } from './activation.js';
import { backward, forward, type ReadParameter } from './layers.js';
import { lossOf } from './loss.js';

/** The engine the others are checked against: plain TypeScript, float64 inside, nothing clever. */
export async function openReference(task: EngineTask): Promise<Engine> {
  return new ReferenceEngine(task);
}

class ReferenceEngine implements Engine {
  readonly identity: EngineIdentity = { engine: 'reference', provider: 'cpu', library: 'bpnn-dist reference' };
  readonly #task: EngineTask;
  readonly #head: OutputHead;

  constructor(task: EngineTask) {
    this.#task = task;
    this.#head = outputHead(task.network, task.loss);
  }

  async gradient(batch: Batch, weights: Float32Array, gradient: Float32Array): Promise<BatchSums> {
    const { network } = this.#task;
    const read = readerOf(weights);
    const masks = batch.masks.map((mask) => new Float64Array(mask));
    const steps = forward(this.#head.ops, read, inputsOf(batch, network), masks, batch.count);
    const { sums, byOutput } = this.#judge(batch, steps.at(-1)?.output);
    backward(steps, read, byOutput, network.layout, gradient);
    return sums;
  }

  async evaluate(batch: Batch, weights: Float32Array): Promise<BatchSums> {
    const steps = forward(this.#head.ops, readerOf(weights), inputsOf(batch, this.#task.network), undefined, batch.count);
    return this.#judge(batch, steps.at(-1)?.output).sums;
  }

  async predict(batch: Pick<Batch, 'count' | 'inputs'>, weights: Float32Array): Promise<Float32Array> {
    const { network } = this.#task;
    const steps = forward(network.ops, readerOf(weights), inputsOf(batch, network), undefined, batch.count);
    return new Float32Array(steps.at(-1)?.output ?? []);
  }

  async close(): Promise<void> {}

  /** The sums for what the head's ops give, and the loss's gradient by it. */
  #judge(batch: Batch, given: Float64Array = new Float64Array()): { sums: BatchSums; byOutput: Float64Array } {
    const { network, metrics } = this.#task;
    const targets = new Float64Array(batch.targets.subarray(0, batch.count * network.outputs));
    const { sum, gradient } = lossOf(this.#head.loss, given, targets, network.outputs, batch.sampleWeights);
    const outputs = activate(this.#head.activation, given, network.outputs);
    return { sums: { loss: sum, metrics: metricSums(metrics, outputs, targets, batch.count, network.outputs) }, byOutput: gradient };
  }
}

function inputsOf(batch: Pick<Batch, 'count' | 'inputs'>, network: Network): Float64Array {
  return new Float64Array(batch.inputs.subarray(0, batch.count * network.inputs));
}

function readerOf(weights: Float32Array): ReadParameter {
  return (parameter) => new Float64Array(viewOf(weights, parameter));
}
