import { type Parameter, type ParameterLayout, viewOf } from '../../shared/model/layout.js';
import type { DenseOp, Op } from '../../shared/model/network.js';
import { maskOf } from '../engine.js';
import { activate, activationGradient } from './activation.js';
import { addProduct, addProductTransposedA, addProductTransposedB, addRows, addToRows } from './matrix.js';

/** What the forward pass saw at a dense op. */
export interface DenseStep {
  readonly op: DenseOp;
  /** [n, inputs] */
  readonly input: Float64Array;
  /** [n, units], before the activation. */
  readonly preactivation: Float64Array;
  /** [n, units] */
  readonly output: Float64Array;
}

/** What it saw at a dropout: the mask, [n, units]. */
export interface DropoutStep {
  readonly op: Extract<Op, { kind: 'dropout' }>;
  readonly mask: Float64Array;
  readonly output: Float64Array;
}

export type Step = DenseStep | DropoutStep;

/** Reads a parameter's values as float64. */
export type ReadParameter = (parameter: Parameter) => Float64Array;

/**
 * Steps of the first `count` samples through the ops, in order.
 * @param input [count, inputs]
 * @param masks [count, units] for each dropout; undefined with dropout off
 */
export function forward(
  ops: readonly Op[],
  read: ReadParameter,
  input: Float64Array,
  masks: readonly Float64Array[] | undefined,
  count: number,
): Step[] {
  const steps: Step[] = [];
  let value = input;
  for (const op of ops) {
    if (op.kind === 'dense') steps.push(denseForward(op, read, value, count));
    else if (masks) steps.push(dropoutForward(op, masks, value));
    value = steps.at(-1)?.output ?? value;
  }
  return steps;
}

function denseForward(op: DenseOp, read: ReadParameter, input: Float64Array, count: number): DenseStep {
  const preactivation = new Float64Array(count * op.units);
  if (op.bias) addToRows(preactivation, read(op.bias), count, op.units);
  addProduct(preactivation, input, read(op.kernel), count, op.inputs, op.units);
  return { op, input, preactivation, output: activate(op.activation, preactivation, op.units) };
}

function dropoutForward(op: DropoutStep['op'], masks: readonly Float64Array[], input: Float64Array): DropoutStep {
  const values = new Float64Array(maskOf(masks, op.index).subarray(0, input.length));
  return { op, mask: values, output: multiply(input, values) };
}

/**
 * Writes the gradient of every parameter, flat in the layout's order.
 * @param outputGradient the loss's gradient by the last step's output, [count, outputs]
 */
export function backward(
  steps: readonly Step[],
  read: ReadParameter,
  outputGradient: Float64Array,
  layout: ParameterLayout,
  gradient: Float32Array,
): void {
  const first = layout.parameters[0];
  let byOutput = outputGradient;
  for (const step of steps.toReversed()) {
    if (!('preactivation' in step)) {
      byOutput = multiply(byOutput, step.mask);
      continue;
    }
    const { op, input, preactivation, output } = step;
    const count = output.length / op.units;
    const byPreactivation = activationGradient(op.activation, preactivation, output, byOutput, op.units);
    const byKernel = new Float64Array(op.kernel.size);
    addProductTransposedA(byKernel, input, byPreactivation, count, op.inputs, op.units);
    viewOf(gradient, op.kernel).set(byKernel);
    if (op.bias) {
      const byBias = new Float64Array(op.units);
      addRows(byBias, byPreactivation, count, op.units);
      viewOf(gradient, op.bias).set(byBias);
    }
    if (op.kernel === first) return;
    byOutput = new Float64Array(input.length);
    addProductTransposedB(byOutput, byPreactivation, read(op.kernel), count, op.inputs, op.units);
  }
}

function multiply(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value * (b[i] ?? 0));
}
