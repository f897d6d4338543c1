import { viewOf } from '../../shared/model/layout.js';
import { buildNetwork } from '../../shared/model/network.js';
import type { DenseLayer, Loss, Metric, ModelSpec } from '../../shared/model/spec.js';
import { median } from '../../shared/numbers/median.js';
import { errorMessage } from '../../shared/text/errors.js';
import type { Engine, EngineTask } from '../engine.js';
import { openOnnx } from '../onnx/open.js';
import { openEngine } from '../openEngine.js';
import { probeProblem } from '../probe.js';
import { openReference } from '../reference/open.js';

/** An engine to try, and what to time it with. */
export interface TrialRequest extends Pick<Required<EngineTask>, 'threads' | 'precision'> {
  readonly engine: string;
  /** `native` and `wasm` are one of the two ways in which the engine onnx computes on a CPU, where `cpu` is the first there is. */
  readonly device: EngineTask['device'] | 'native' | 'wasm';
  readonly problems: readonly TrialProblem[];
}

/** A gradient over some samples. */
export interface TrialProblem {
  readonly model: ModelSpec;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  readonly count: number;
}

/** Milliseconds of a small gradient beyond which an engine is for comparisons, and would take seconds for a large one. */
const slow = 10;

/** What came of trying an engine. */
export type Trial =
  | {
      readonly works: true;
      readonly library: string;
      readonly provider: string;
      /** Milliseconds of a gradient of each problem, but for those behind one that took too long. */
      readonly ms: readonly number[];
      /** The largest difference from the float64 reference, in units of the largest value of its tensor. */
      readonly error: number;
    }
  | { readonly works: false; readonly reason: string };

/** Beyond these, a gradient is not right. Values of 16 bits have 11 or 8 significant ones. */
const mostError = { fp32: 1e-4, fp16: 1e-2, bf16: 5e-2 } as const;

/**
 * Opens an engine, compares a gradient of the article's network with the reference, and times the problems. Never throws;
 * a library that ends the process is for the caller to see.
 */
export async function tryEngine(request: TrialRequest): Promise<Trial> {
  const { threads, precision } = request;
  const taskOf = (problem: Omit<TrialProblem, 'count'>): EngineTask => ({
    ...{ network: buildNetwork(problem.model), loss: problem.loss, metrics: problem.metrics },
    ...{ sparseTargets: false, threads, precision, device: isOneWay(request.device) ? 'cpu' : request.device },
  });
  try {
    const known = taskOf(classifier([128]));
    const { identity, error } = await using(request, known, async (engine) => ({
      identity: engine.identity,
      error: await errorOf(engine, known),
    }));
    if (!(error <= mostError[precision]))
      return { works: false, reason: `${identity.library} computes wrong gradients: they differ by ${error}` };
    const ms: number[] = [];
    for (const problem of request.problems) {
      if ((ms.at(-1) ?? 0) > slow) break;
      const task = taskOf(problem);
      ms.push(await using(request, task, (engine) => timeOf(engine, task, problem.count)));
    }
    return { works: true, library: identity.library, provider: identity.provider, ms, error };
  } catch (error) {
    return { works: false, reason: errorMessage(error) };
  }
}

async function using<T>({ engine: name, device }: TrialRequest, task: EngineTask, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await (isOneWay(device) ? openOnnx(task, { provider: device === 'wasm' ? 'wasm' : 'cpu' }) : openEngine(name, task));
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

function isOneWay(device: TrialRequest['device']): device is 'native' | 'wasm' {
  return device === 'native' || device === 'wasm';
}

/** The network 784-HIDDEN-10 with softmax and cross entropy. */
export function classifier(hidden: readonly number[]): Omit<TrialProblem, 'count'> {
  const none = { l1: 0, l2: 0 };
  const dense = (units: number, activation: DenseLayer['activation']): DenseLayer => ({
    ...{ kind: 'dense', units, activation, useBias: true, kernelInitializer: 'zeros' },
    ...{ kernelRegularizer: none, biasRegularizer: none, trainable: true },
  });
  const layers = [...hidden.map((units) => dense(units, 'relu')), dense(10, 'softmax')];
  return { model: { inputShape: [784], layers }, loss: 'categoricalCrossentropy', metrics: [] };
}

/** The same as a task for one thread in float32. */
export function classifierTask(hidden: readonly number[], device: EngineTask['device']): EngineTask {
  const { model, loss, metrics } = classifier(hidden);
  return { network: buildNetwork(model), loss, metrics, sparseTargets: false, threads: 1, device };
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
const patience = 300;

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
  return median(times);
}
