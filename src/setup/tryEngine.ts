import type { Engine, EngineTask } from '../engines/engine.js';
import { openOnnx } from '../engines/onnx/onnx.js';
import { openEngine } from '../engines/open.js';
import { probeProblem } from '../engines/probe.js';
import { openReference } from '../engines/reference.js';
import type { Device } from '../shared/device.js';
import { errorMessage } from '../shared/errors.js';
import { viewOf } from '../shared/model/layout.js';
import { buildNetwork } from '../shared/model/network.js';
import type { DenseLayer } from '../shared/model/spec.js';

/** What came of trying an engine. */
export type Trial =
  | {
      readonly works: true;
      readonly library: string;
      readonly provider: string;
      /** Milliseconds of a gradient of the article's network over 32 samples, and of 784-1024-1024-10 over 256. */
      readonly smallMs: number;
      readonly wideMs: number;
      /** The largest difference from the float64 reference, in units of the largest value of its tensor. */
      readonly error: number;
    }
  | { readonly works: false; readonly reason: string };

/** Beyond this, a gradient is not right: float32 stays well under it. */
const mostError = 1e-4;

/** Opens an engine and computes gradients on it. Never throws; a library that ends the process is for the caller to see. */
export async function tryEngine(name: string, device: Device | 'wasm'): Promise<Trial> {
  try {
    const small = taskOf([128], device);
    const engine = await open(name, device, small);
    const error = await errorOf(engine, small);
    if (!(error <= mostError))
      return { works: false, reason: `${engine.identity.library} computes wrong gradients: they differ by ${error}` };
    const smallMs = await timeOf(engine, small, 32);
    await engine.close();
    const wide = taskOf([1_024, 1_024], device);
    const other = await open(name, device, wide);
    const wideMs = await timeOf(other, wide, 256);
    await other.close();
    const { library, provider } = engine.identity;
    return { works: true, library, provider, smallMs, wideMs, error };
  } catch (error) {
    return { works: false, reason: errorMessage(error) };
  }
}

function open(name: string, device: Device | 'wasm', task: EngineTask): Promise<Engine> {
  // Not what is taken where the one asked for is missing.
  if (name === 'onnx' && (device === 'wasm' || device === 'cpu')) return openOnnx(task, { provider: device });
  return openEngine(name, task);
}

/** The network 784-HIDDEN-10 with softmax and cross entropy. */
export function taskOf(hidden: readonly number[], device: Device | 'wasm'): EngineTask {
  const none = { l1: 0, l2: 0 };
  const dense = (units: number, activation: DenseLayer['activation']): DenseLayer => ({
    ...{ kind: 'dense', units, activation, useBias: true, kernelInitializer: 'zeros' },
    ...{ kernelRegularizer: none, biasRegularizer: none },
  });
  const layers = [...hidden.map((units) => dense(units, 'relu')), dense(10, 'softmax')];
  const network = buildNetwork({ inputShape: [784], layers });
  const loss = 'categoricalCrossentropy';
  return { network, loss, metrics: [], sparseTargets: false, threads: 1, device: device === 'wasm' ? 'cpu' : device };
}

async function errorOf(engine: Engine, task: EngineTask): Promise<number> {
  const { batch, weights } = probeProblem(task.network);
  const [got, expected] = [new Float32Array(weights.length), new Float32Array(weights.length)];
  await engine.gradient(batch, weights, got);
  await (await openReference(task)).gradient(batch, weights, expected);
  return Math.max(
    ...task.network.layout.parameters.map((parameter) => {
      const wanted = viewOf(expected, parameter);
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return viewOf(got, parameter).reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] ?? 0))), 0) / largest;
    }),
  );
}

/** Milliseconds that are spent on timing one network, or one gradient after the first where that takes longer. */
const patience = 500;

/** The median of some gradients, milliseconds, once they are warm. */
export async function timeOf(engine: Engine, { network }: EngineTask, count: number): Promise<number> {
  const { batch, weights } = probeProblem(network, count);
  const gradient = new Float32Array(weights.length);
  const run = async (): Promise<number> => {
    const start = performance.now();
    await engine.gradient(batch, weights, gradient);
    return performance.now() - start;
  };
  for (let spent = 0; spent < patience / 4; ) spent += await run();
  const times: number[] = [];
  for (let spent = 0; spent < patience; spent += times.at(-1) ?? patience) times.push(await run());
  return times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
}
