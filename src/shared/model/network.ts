import type { Problem } from '../text/errors.js';
import { type Parameter, type ParameterLayout, parameterLayout } from './layout.js';
import { sizeOf } from './shape.js';
import type { Activation, DenseLayer, Initializer, ModelSpec, Regularizer } from './spec.js';

/** `activation(inputs . kernel + bias)` for a batch: [n, inputs] to [n, units]. */
export interface DenseOp {
  readonly kind: 'dense';
  readonly inputs: number;
  readonly units: number;
  readonly activation: Activation;
  /** [inputs, units], row-major. */
  readonly kernel: Parameter;
  /** [units]; undefined with `useBias: false`. */
  readonly bias: Parameter | undefined;
}

/** Multiplies [n, units] by a mask of the same shape while training; the identity otherwise. */
export interface DropoutOp {
  readonly kind: 'dropout';
  readonly units: number;
  readonly rate: number;
  /** Which dropout of the network this is, counted from 0: its masks are the batch's `masks[index]`. */
  readonly index: number;
}

export type Op = DenseOp | DropoutOp;

/** A model spec worked out for the engines: flat samples in, a chain of ops, every parameter at its place. */
export interface Network {
  /** Values of one sample. */
  readonly inputs: number;
  /** Values the network gives for one sample. */
  readonly outputs: number;
  readonly ops: readonly Op[];
  readonly layout: ParameterLayout;
}

/** The names of a network's dense layers, in order; a layer without a name is called `dense` and its number, counted from 0. */
export function denseNames({ layers }: Pick<ModelSpec, 'layers'>): string[] {
  return layers.filter((layer) => layer.kind === 'dense').map(({ name }, i) => name ?? defaultName(i));
}

export function defaultName(index: number): string {
  return `dense${index}`;
}

interface Trace {
  shape: readonly number[];
  readonly dense: { layer: DenseLayer; inputs: number }[];
  readonly problems: Problem[];
}

/** What is wrong with the way the layers follow each other; empty where nothing is. Paths are relative to the config. */
export function modelProblems(spec: ModelSpec): Problem[] {
  return traceLayers(spec).problems;
}

/** Works a valid spec out; throws RangeError where `modelProblems` names a problem. */
export function buildNetwork(spec: ModelSpec): Network {
  const { dense, problems } = traceLayers(spec);
  const names = denseNames(spec);
  if (problems[0]) throw new RangeError(`${problems[0].path}: ${problems[0].message}`);
  const layout = parameterLayout(
    dense.flatMap(({ layer, inputs }, i) => [
      parameter(layer, `${names[i]}/kernel`, [inputs, layer.units], layer.kernelInitializer, layer.kernelRegularizer),
      ...(layer.useBias ? [parameter(layer, `${names[i]}/bias`, [layer.units], 'zeros', layer.biasRegularizer)] : []),
    ]),
  );
  const place = (name: string): Parameter | undefined => layout.parameters.find((p) => p.name === name);
  const ops: Op[] = [];
  let units = sizeOf(spec.inputShape);
  let denseCount = 0;
  let dropoutCount = 0;
  for (const layer of spec.layers) {
    if (layer.kind === 'dropout') ops.push({ kind: 'dropout', units, rate: layer.rate, index: dropoutCount++ });
    if (layer.kind !== 'dense') continue;
    const kernel = place(`${names[denseCount]}/kernel`);
    if (!kernel) throw new RangeError(`the layout lacks the kernel of dense layer ${denseCount}`);
    const bias = place(`${names[denseCount]}/bias`);
    ops.push({ kind: 'dense', inputs: units, units: layer.units, activation: layer.activation, kernel, bias });
    units = layer.units;
    denseCount++;
  }
  return { inputs: sizeOf(spec.inputShape), outputs: units, ops, layout };
}

function parameter(
  { trainable }: DenseLayer,
  name: string,
  shape: readonly number[],
  initializer: Initializer,
  regularizer: Regularizer,
): Omit<Parameter, 'offset' | 'size'> {
  return { name, shape, initializer, regularizer: trainable ? regularizer : { l1: 0, l2: 0 }, trainable };
}

function traceLayers(spec: ModelSpec): Trace {
  const trace: Trace = { shape: spec.inputShape, dense: [], problems: [] };
  const names = denseNames(spec);
  for (const [i, layer] of spec.layers.entries()) {
    if (layer.kind === 'flatten') trace.shape = [sizeOf(trace.shape)];
    if (layer.kind !== 'dense') continue;
    if (trace.shape.length !== 1) {
      const message = `expected one dimension of inputs, got shape [${trace.shape.join(', ')}]; put a flatten layer before it`;
      trace.problems.push({ path: `model.layers[${i}].dense`, message });
    }
    const name = names[trace.dense.length] ?? '';
    if (names.indexOf(name) < trace.dense.length) {
      trace.problems.push({
        path: `model.layers[${i}].dense.name`,
        message: `expected a name of its own, got ${name}, as an earlier layer has`,
      });
    }
    trace.dense.push({ layer, inputs: sizeOf(trace.shape) });
    trace.shape = [layer.units];
  }
  if (trace.dense.length === 0) trace.problems.push({ path: 'model.layers', message: 'expected at least one dense layer, got none' });
  return trace;
}
