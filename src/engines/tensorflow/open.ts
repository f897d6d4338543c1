import { type Parameter, viewOf } from '../../shared/model/layout.js';
import type { Op } from '../../shared/model/network.js';
import { type Batch, type BatchSums, type Engine, type EngineIdentity, type EngineTask, maskOf, noSums } from '../engine.js';
import { metricSums } from '../metrics.js';
import { type OutputHead, outputHead } from '../outputHead.js';
import { activate, activationGradient } from './activation.js';
import { loadTensorflow, type Tensorflow } from './binding.js';
import { lossTensors } from './loss.js';
import { Ops, type Tensor } from './ops.js';

/**
 * The engine on native TensorFlow, through the addon of @tensorflow/tfjs-node and tfjs-node-gpu. Its ops are called one by
 * one, backward passes included: tfjs's own layers and tape cost more than the arithmetic of small batches.
 * @throws RunError where TensorFlow is not installed, or has not the device
 */
export async function openTensorflow(task: EngineTask): Promise<Engine> {
  return new TensorflowEngine(task, loadTensorflow(task.device, task.threads));
}

/** What one op has made of a batch. */
interface Step {
  readonly op: Op;
  readonly input: Tensor;
  readonly output: Tensor;
  /** Of a dropout. */
  readonly mask?: Tensor;
}

class TensorflowEngine implements Engine {
  readonly identity: EngineIdentity;
  readonly #task: EngineTask;
  readonly #ops: Ops;
  readonly #head: OutputHead;
  /** Weights that stay on the device. */
  #held: { readonly weights: Float32Array; readonly tensors: ReadonlyMap<Parameter, Tensor> } | undefined;

  constructor(task: EngineTask, { binding, library, isOnGpu }: Tensorflow) {
    this.#task = task;
    this.#ops = new Ops(binding, task.precision ?? 'fp32');
    this.#head = outputHead(task.network, task.loss);
    this.identity = { engine: 'tensorflow', provider: isOnGpu ? 'gpu' : 'cpu', library };
  }

  async gradient(batch: Batch, weights: Float32Array, gradient: Float32Array): Promise<BatchSums> {
    if (batch.count === 0) {
      gradient.fill(0);
      return noSums(this.#task);
    }
    return this.#freeing(() => {
      const tensors = this.#onDevice(weights);
      const { steps, output } = this.#forward(this.#head.ops, batch, tensors, batch.masks);
      const { byOutput, sums } = this.#judge(output, batch);
      this.#backward(steps, byOutput(), tensors, gradient);
      return sums;
    });
  }

  async keepWeights(weights: Float32Array): Promise<void> {
    this.#letGo();
    const tensors = this.#upload(weights);
    this.#ops.release();
    this.#held = { weights, tensors };
  }

  #letGo(): void {
    if (this.#held) this.#ops.free([...this.#held.tensors.values()]);
    this.#held = undefined;
  }

  async evaluate(batch: Batch, weights: Float32Array): Promise<BatchSums> {
    if (batch.count === 0) return noSums(this.#task);
    return this.#freeing(() => {
      const { output } = this.#forward(this.#head.ops, batch, this.#onDevice(weights), undefined);
      return this.#judge(output, batch).sums;
    });
  }

  async predict(batch: Pick<Batch, 'count' | 'inputs'>, weights: Float32Array): Promise<Float32Array> {
    if (batch.count === 0) return new Float32Array(0);
    return this.#freeing(() => {
      const { output } = this.#forward(this.#task.network.ops, batch, this.#upload(weights), undefined);
      return this.#ops.read(output);
    });
  }

  async close(): Promise<void> {
    this.#letGo();
    this.#ops.close();
  }

  /** Whatever happens, no tensor of it is left. */
  #freeing<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.#ops.clear();
    }
  }

  #onDevice(weights: Float32Array): ReadonlyMap<Parameter, Tensor> {
    return this.#held?.weights === weights ? this.#held.tensors : this.#upload(weights);
  }

  #upload(weights: Float32Array): ReadonlyMap<Parameter, Tensor> {
    const { parameters } = this.#task.network.layout;
    return new Map(parameters.map((parameter) => [parameter, this.#ops.upload(viewOf(weights, parameter), parameter.shape)]));
  }

  #forward(
    ops: readonly Op[],
    { count, inputs }: Pick<Batch, 'count' | 'inputs'>,
    weights: ReadonlyMap<Parameter, Tensor>,
    masks: readonly Float32Array[] | undefined,
  ): { readonly steps: readonly Step[]; readonly output: Tensor } {
    const tf = this.#ops;
    const width = this.#task.network.inputs;
    let output = tf.upload(inputs.subarray(0, count * width), [count, width]);
    const steps: Step[] = [];
    for (const op of ops) {
      const input = output;
      if (op.kind === 'dense') {
        const product = tf.product(input, tensorOf(weights, op.kernel));
        const z = op.bias ? tf.apply('BiasAdd', product, tensorOf(weights, op.bias)) : product;
        output = activate(tf, op.activation, z);
        steps.push({ op, input, output });
      } else if (masks) {
        const mask = tf.upload(maskOf(masks, op.index).subarray(0, count * op.units), [count, op.units]);
        output = tf.apply('Mul', input, mask);
        steps.push({ op, input, output, mask });
      }
    }
    return { steps, output };
  }

  /** The sums of a batch, and the loss's gradient by what the head's ops give. */
  #judge(given: Tensor, batch: Batch): { readonly byOutput: () => Tensor; readonly sums: BatchSums } {
    const tf = this.#ops;
    const { network, metrics } = this.#task;
    const { count, targets: wanted, sampleWeights: weights } = batch;
    const width = network.outputs;
    const outputs = activate(tf, this.#head.activation, given);
    const targets = tf.upload(wanted.subarray(0, count * width), [count, width]);
    const { sum, gradient } = lossTensors(this.#head.loss, { ops: tf, given, outputs, targets, wanted, weights, count, width });
    const values = metrics.length > 0 ? tf.read(outputs) : [];
    return { byOutput: gradient, sums: { loss: sum, metrics: metricSums(metrics, values, wanted, count, width) } };
  }

  #backward(steps: readonly Step[], d: Tensor, weights: ReadonlyMap<Parameter, Tensor>, gradient: Float32Array): void {
    const tf = this.#ops;
    const first = this.#task.network.layout.parameters[0];
    const found: (readonly [Parameter, Tensor])[] = [];
    let byOutput = d;
    for (const { op, input, output, mask } of steps.toReversed()) {
      if (op.kind === 'dropout') {
        if (mask !== undefined) byOutput = tf.apply('Mul', byOutput, mask);
        continue;
      }
      const byZ = activationGradient(tf, op.activation, output, byOutput);
      found.push([op.kernel, tf.product(input, byZ, { a: true })]);
      if (op.bias) found.push([op.bias, tf.apply('BiasAddGrad', byZ)]);
      if (op.kernel === first) break;
      byOutput = tf.product(byZ, tensorOf(weights, op.kernel), { b: true });
    }
    // Read only now, so that a device has all its work before it is waited for.
    for (const [parameter, tensor] of found) viewOf(gradient, parameter).set(tf.read(tensor));
  }
}

function tensorOf(weights: ReadonlyMap<Parameter, Tensor>, parameter: Parameter): Tensor {
  const tensor = weights.get(parameter);
  if (tensor === undefined) throw new RangeError(`no weights for ${parameter.name}`);
  return tensor;
}
