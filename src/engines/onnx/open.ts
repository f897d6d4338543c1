import type { Tensor } from 'onnxruntime-web';
import { cudaNumber, type Device } from '../../shared/engine/device.js';
import { viewOf } from '../../shared/model/layout.js';
import { type Batch, type BatchSums, type Engine, type EngineIdentity, type EngineTask, maskOf, noSums } from '../engine.js';
import { metricSums } from '../metrics.js';
import { buildGraph, type GraphModel, heldName, maskName, type Purpose, sampleWeightsName, weightsGraph } from './graph.js';
import { type Binding, Program, type Slot } from './program.js';
import { Recent } from './recent.js';
import { loadRuntime, type Provider, type Runtime } from './runtime.js';

export interface OnnxOptions {
  /** Where to compute; without it, where the task's device says. */
  readonly provider?: Provider;
}

/**
 * Opens the engine on ONNX Runtime.
 * @throws RunError where the provider asked for cannot be loaded
 */
export async function openOnnx(task: EngineTask, options: OnnxOptions = {}): Promise<Engine> {
  const { device, threads } = task;
  const provider = options.provider ?? providerFor(device);
  const engine = new OnnxEngine(task, await loadRuntime({ provider, threads, gpu: cudaNumber(device) }));
  // Whether there is such a GPU shows only in a session.
  if (provider === 'webgpu' || provider === 'cuda') await engine.prepare();
  return engine;
}

/** Undefined for the CPU, natively or in WebAssembly. */
function providerFor(device: Device): Provider | undefined {
  if (device === 'auto' || device === 'cpu') return undefined;
  return device === 'webgpu' ? 'webgpu' : 'cuda';
}

/** A binding, and the arrays the sums are read from. */
interface SumsBinding {
  readonly binding: Binding;
  readonly loss: Float32Array;
  readonly outputs: Float32Array;
}

interface Compiled {
  readonly model: GraphModel;
  readonly program: Program;
}

class OnnxEngine implements Engine {
  readonly identity: EngineIdentity;
  readonly #task: EngineTask;
  readonly #runtime: Runtime;
  /** Compiled when first needed: a worker never predicts. */
  readonly #compiled = new Map<string, Promise<Compiled>>();
  /** Takes weights to the device, where they can stay there. */
  #upload: Promise<Program> | undefined;
  #held: { readonly weights: Float32Array; readonly tensors: Readonly<Record<string, Tensor>> } | undefined;
  readonly #gradientBindings = new Recent<SumsBinding>();
  readonly #evaluateBindings = new Recent<SumsBinding>();

  constructor(task: EngineTask, runtime: Runtime) {
    this.#task = task;
    this.#runtime = runtime;
    this.identity = { engine: 'onnx', provider: runtime.provider, library: runtime.library };
  }

  /** Builds what a gradient needs. */
  async prepare(): Promise<void> {
    await this.#compile('gradient');
  }

  async keepWeights(weights: Float32Array): Promise<void> {
    if (!this.#runtime.holdsTensors) return;
    this.#letGo();
    this.#upload ??= Program.open(this.#runtime, weightsGraph(this.#task.network), 'gpu-buffer');
    const found = await (await this.#upload).runThere(this.#weightSlots(weights));
    const tensors = this.#task.network.layout.parameters.flatMap(({ name }) => {
      const tensor = found[heldName(name)];
      return tensor ? [[name, tensor] as const] : [];
    });
    this.#held = { weights, tensors: Object.fromEntries(tensors) };
  }

  #letGo(): void {
    for (const tensor of Object.values(this.#held?.tensors ?? {})) tensor.dispose();
    this.#held = undefined;
  }

  #heldOf(weights: Float32Array): Readonly<Record<string, Tensor>> | undefined {
    return this.#held?.weights === weights ? this.#held.tensors : undefined;
  }

  async gradient(batch: Batch, weights: Float32Array, gradient: Float32Array): Promise<BatchSums> {
    if (batch.count === 0) gradient.fill(0);
    if (batch.count === 0) return noSums(this.#task);
    const { sampleWeights } = batch;
    const { model, program } = await this.#compile('gradient', sampleWeights !== undefined);
    const arrays = [batch.inputs, batch.targets, ...(sampleWeights ? [sampleWeights] : []), ...batch.masks, weights, gradient];
    const bound = this.#gradientBindings.recall(batch.count, arrays, () => this.#bind(model, program, batch, weights, gradient));
    await program.run(bound.binding, this.#heldOf(weights));
    return this.#sums(batch, bound);
  }

  async evaluate(batch: Batch, weights: Float32Array): Promise<BatchSums> {
    if (batch.count === 0) return noSums(this.#task);
    const { sampleWeights } = batch;
    const { model, program } = await this.#compile('evaluate', sampleWeights !== undefined);
    const arrays = [batch.inputs, batch.targets, ...(sampleWeights ? [sampleWeights] : []), weights];
    const bound = this.#evaluateBindings.recall(batch.count, arrays, () => this.#bind(model, program, batch, weights));
    await program.run(bound.binding, this.#heldOf(weights));
    return this.#sums(batch, bound);
  }

  async predict(batch: Pick<Batch, 'count' | 'inputs'>, weights: Float32Array): Promise<Float32Array> {
    const { outputs: width } = this.#task.network;
    const outputs = new Float32Array(batch.count * width);
    if (batch.count === 0) return outputs;
    const { model, program } = await this.#compile('predict');
    const fetches = new Map([[model.outputs, { data: outputs, dims: [batch.count, width] }]]);
    await program.run(program.bind(this.#inputSlots(batch, weights), fetches));
    return outputs;
  }

  async close(): Promise<void> {
    this.#letGo();
    await (await this.#upload)?.close();
    const compiled = await Promise.all(this.#compiled.values());
    this.#compiled.clear();
    await Promise.all(compiled.map(({ program }) => program.close()));
  }

  #compile(purpose: Purpose, isWeighted = false): Promise<Compiled> {
    const name = `${purpose}${isWeighted ? ' weighted' : ''}`;
    const compiled = this.#compiled.get(name) ?? compile(this.#task, this.#runtime, purpose, isWeighted);
    this.#compiled.set(name, compiled);
    return compiled;
  }

  #bind(model: GraphModel, program: Program, batch: Batch, weights: Float32Array, gradient?: Float32Array): SumsBinding {
    const { network, metrics } = this.#task;
    const { count } = batch;
    const loss = new Float32Array(1);
    const outputs = new Float32Array(metrics.length === 0 ? 0 : count * network.outputs);
    const feeds = this.#inputSlots(batch, weights);
    feeds.set('targets', { data: batch.targets, dims: [count, network.outputs] });
    if (batch.sampleWeights) feeds.set(sampleWeightsName, { data: batch.sampleWeights, dims: [count, 1] });
    if (gradient) for (const [name, slot] of this.#maskSlots(batch)) feeds.set(name, slot);
    const fetches = new Map<string, Slot>();
    if (model.loss) fetches.set(model.loss, { data: loss, dims: [] });
    if (metrics.length > 0) fetches.set(model.outputs, { data: outputs, dims: [count, network.outputs] });
    for (const [i, parameter] of network.layout.parameters.entries()) {
      const name = model.gradients[i];
      if (name && gradient) fetches.set(name, { data: viewOf(gradient, parameter), dims: parameter.shape });
    }
    return { binding: program.bind(feeds, fetches), loss, outputs };
  }

  #inputSlots(batch: Pick<Batch, 'count' | 'inputs'>, weights: Float32Array): Map<string, Slot> {
    const { inputs } = this.#task.network;
    return new Map([['inputs', { data: batch.inputs, dims: [batch.count, inputs] }], ...this.#weightSlots(weights)]);
  }

  #weightSlots(weights: Float32Array): Map<string, Slot> {
    const { parameters } = this.#task.network.layout;
    return new Map(parameters.map((parameter) => [parameter.name, { data: viewOf(weights, parameter), dims: parameter.shape }]));
  }

  #maskSlots({ count, masks }: Batch): Map<string, Slot> {
    const slots = new Map<string, Slot>();
    for (const op of this.#task.network.ops) {
      if (op.kind !== 'dropout') continue;
      slots.set(maskName(op.index), { data: maskOf(masks, op.index), dims: [count, op.units] });
    }
    return slots;
  }

  #sums({ count, targets }: Batch, { loss, outputs }: SumsBinding): BatchSums {
    const { network, metrics } = this.#task;
    return { loss: loss[0] ?? 0, metrics: metricSums(metrics, outputs, targets, count, network.outputs) };
  }
}

async function compile(task: EngineTask, runtime: Runtime, purpose: Purpose, isWeighted: boolean): Promise<Compiled> {
  const model = buildGraph(task, purpose, isWeighted);
  return { model, program: await Program.open(runtime, model.bytes) };
}
