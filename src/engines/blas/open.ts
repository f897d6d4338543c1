import { type Parameter, viewOf } from '../../shared/model/layout.js';
import type { DenseOp, Op } from '../../shared/model/network.js';
import { type Batch, type BatchSums, type Engine, type EngineIdentity, type EngineTask, maskOf, noSums } from '../engine.js';
import { metricSums } from '../metrics.js';
import { type OutputHead, outputHead } from '../outputHead.js';
import { activate, activationGradient, addBiasAndActivate } from './activation.js';
import { type Layers, openLayers } from './layers.js';
import { type Blas, openBlas } from './library.js';
import { lossGradient } from './loss.js';

/**
 * The engine on the machine's BLAS: products of matrices by the library, all between them in SIMD WebAssembly. Nothing is
 * waited for.
 * @throws RunError where the machine has no BLAS
 */
export async function openBlasEngine(task: EngineTask): Promise<Engine> {
  return new BlasEngine(task, openBlas(task.threads));
}

/** Arrays for batches of up to `capacity` samples. */
interface Workspace {
  readonly capacity: number;
  readonly layers: Layers;
  /** What each op gives, [capacity, units]. */
  readonly outputs: readonly Float32Array[];
  /** The bias of each op, and the gradient by it, [units]. */
  readonly biases: readonly Float32Array[];
  /** A mask, and two gradients of the widest op's outputs or inputs, which take turns. */
  readonly mask: Float32Array;
  /** [capacity, outputs]. */
  readonly targets: Float32Array;
  readonly gradients: readonly [Float32Array, Float32Array];
}

class BlasEngine implements Engine {
  readonly identity: EngineIdentity;
  readonly #task: EngineTask;
  readonly #blas: Blas;
  readonly #head: OutputHead;
  readonly #first: Parameter | undefined;
  #workspace: Workspace | undefined;

  constructor(task: EngineTask, blas: Blas) {
    this.#task = task;
    this.#blas = blas;
    this.#head = outputHead(task.network, task.loss);
    this.#first = task.network.layout.parameters[0];
    this.identity = { engine: 'blas', provider: 'cpu', library: blas.name };
  }

  async gradient(batch: Batch, weights: Float32Array, gradient: Float32Array): Promise<BatchSums> {
    if (batch.count === 0) {
      gradient.fill(0);
      return noSums(this.#task);
    }
    const space = this.#spaceFor(batch.count);
    const given = this.#forward(space, this.#head.ops, batch, weights, batch.masks);
    const { outputs: width } = this.#task.network;
    const sums = this.#judge(space, batch, given, space.gradients[0]);
    this.#backward(space, batch, weights, gradient, width);
    return sums;
  }

  async evaluate(batch: Batch, weights: Float32Array): Promise<BatchSums> {
    if (batch.count === 0) return noSums(this.#task);
    const space = this.#spaceFor(batch.count);
    const given = this.#forward(space, this.#head.ops, batch, weights, undefined);
    return this.#judge(space, batch, given, space.gradients[0]);
  }

  async predict(batch: Pick<Batch, 'count' | 'inputs'>, weights: Float32Array): Promise<Float32Array> {
    const { network } = this.#task;
    if (batch.count === 0) return new Float32Array(0);
    const space = this.#spaceFor(batch.count);
    return this.#forward(space, network.ops, batch, weights, undefined).slice(0, batch.count * network.outputs);
  }

  async close(): Promise<void> {
    this.#workspace = undefined;
  }

  #forward(
    { layers, outputs, biases, mask }: Workspace,
    ops: readonly Op[],
    { count, inputs }: Pick<Batch, 'count' | 'inputs'>,
    weights: Float32Array,
    masks: readonly Float32Array[] | undefined,
  ): Float32Array {
    let value = inputs;
    for (const [i, op] of ops.entries()) {
      const output = outputs[i];
      const bias = biases[i];
      if (!output || !bias) throw new RangeError(`no arrays for op ${i}`);
      if (op.kind === 'dense') {
        this.#blas.product(count, op.units, op.inputs, { values: value }, { values: viewOf(weights, op.kernel) }, output);
        if (op.bias) {
          bias.set(viewOf(weights, op.bias));
          addBiasAndActivate(layers, op.activation, output, bias, count);
        } else {
          activate(layers, op.activation, output, count, op.units);
        }
        value = output;
      } else if (masks) {
        output.set(value.subarray(0, count * op.units));
        mask.set(maskOf(masks, op.index).subarray(0, count * op.units));
        layers.multiply(output, mask, count * op.units);
        value = output;
      }
    }
    return value;
  }

  /** The sums for what the head's ops give, which becomes the outputs; writes the loss's gradient by it. */
  #judge({ layers, targets }: Workspace, batch: Batch, given: Float32Array, gradient: Float32Array): BatchSums {
    const { network, metrics } = this.#task;
    const { count } = batch;
    const width = network.outputs;
    targets.set(batch.targets.subarray(0, count * width));
    const loss = lossGradient(layers, this.#head, { given, targets, weights: batch.sampleWeights }, gradient, count, width);
    return { loss, metrics: metricSums(metrics, given, targets, count, width) };
  }

  /** From the gradient by what the head's ops give, which stands in the first of the workspace's gradients. */
  #backward(space: Workspace, batch: Batch, weights: Float32Array, gradient: Float32Array, outputs: number): void {
    const { layers, mask } = space;
    const { count, inputs, masks } = batch;
    let [d, other] = space.gradients;
    let units = outputs;
    for (let i = this.#head.ops.length - 1; i >= 0; i--) {
      const op = this.#head.ops[i];
      const input = i === 0 ? inputs : space.outputs[i - 1];
      if (!op || !input) throw new RangeError(`no arrays for op ${i}`);
      if (op.kind === 'dropout') {
        mask.set(maskOf(masks, op.index).subarray(0, count * units));
        layers.multiply(d, mask, count * units);
        continue;
      }
      this.#denseGradient(space, op, i, input, d, count, gradient);
      if (op.kernel === this.#first) return;
      this.#blas.product(count, op.inputs, op.units, { values: d }, { values: viewOf(weights, op.kernel), transposed: true }, other);
      [d, other] = [other, d];
      units = op.inputs;
    }
  }

  /** Turns d into the gradient by the preactivations, and writes those by kernel and bias. */
  #denseGradient(
    { layers, outputs, biases }: Workspace,
    op: DenseOp,
    index: number,
    input: Float32Array,
    d: Float32Array,
    count: number,
    gradient: Float32Array,
  ): void {
    const [output, bias] = [outputs[index], biases[index]];
    if (!output || !bias) throw new RangeError(`no arrays for op ${index}`);
    activationGradient(layers, op.activation, output, d, count, op.units);
    this.#blas.product(op.inputs, op.units, count, { values: input, transposed: true }, { values: d }, viewOf(gradient, op.kernel));
    if (!op.bias) return;
    layers.columnSums(d, bias, count);
    viewOf(gradient, op.bias).set(bias);
  }

  #spaceFor(count: number): Workspace {
    if (!this.#workspace || this.#workspace.capacity < count) this.#workspace = workspace(this.#task, count);
    return this.#workspace;
  }
}

function workspace({ network }: EngineTask, capacity: number): Workspace {
  const units = network.ops.map((op) => op.units);
  const widest = Math.max(network.outputs, ...units);
  const large = capacity * widest;
  const arrays = [...units.map((width) => capacity * width), ...units, large, large, large];
  const layers = openLayers([...arrays, capacity * network.outputs], widest);
  return {
    capacity,
    layers,
    outputs: units.map((width) => layers.allocate(capacity * width)),
    biases: units.map((width) => layers.allocate(width)),
    mask: layers.allocate(large),
    targets: layers.allocate(capacity * network.outputs),
    gradients: [layers.allocate(large), layers.allocate(large)],
  };
}
