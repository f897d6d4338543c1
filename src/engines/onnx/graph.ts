import type { DenseOp, Network, Op } from '../../shared/model/network.js';
import { activate } from '../../shared/onnx/activate.js';
import { GraphBuilder } from '../../shared/onnx/graphBuilder.js';
import type { EngineTask } from '../engine.js';
import { outputHead } from '../outputHead.js';
import { activationGradient } from './activationGradient.js';
import { lossNodes } from './lossNodes.js';

/** What a graph is run for. Dropout is on only in the first. */
export type Purpose = 'gradient' | 'evaluate' | 'predict';

/**
 * An ONNX model and the names of its tensors. Its inputs are `inputs` [n, inputs]; but to predict, `targets` [n, outputs] and,
 * where samples are weighted, `sample weights` [n, 1]; for gradients, `mask 0` and so on, [n, units], one a dropout; and
 * every parameter under its own name.
 */
export interface GraphModel {
  readonly bytes: Uint8Array;
  /** Sum of the losses: a scalar. Undefined to predict. */
  readonly loss: string | undefined;
  /** The network's outputs, [n, outputs]. */
  readonly outputs: string;
  /** Sums of the parameters' gradients, in the layout's order; empty but for gradients. */
  readonly gradients: readonly string[];
}

/** Name of a dropout's mask among a graph's inputs. */
export function maskName(index: number): string {
  return `mask ${index}`;
}

export const sampleWeightsName = 'sample weights';

interface Step {
  readonly op: Op;
  readonly input: string;
  readonly output: string;
}

/** The name of the batch dimension, which may differ from one run to the next. */
const batch = 'n';

/**
 * Writes the forward pass and, for gradients, the backward pass as one graph.
 * @param isWeighted does each sample's loss have a weight?
 */
export function buildGraph(
  { network, loss, precision }: Pick<EngineTask, 'network' | 'loss' | 'precision'>,
  purpose: Purpose,
  isWeighted = false,
): GraphModel {
  const graph = new GraphBuilder(precision);
  const inputs = graph.input('inputs', [batch, network.inputs]);
  for (const { name, shape } of network.layout.parameters) graph.input(name, shape);
  const head = outputHead(network, loss);
  const steps = forward(graph, head.ops, inputs, purpose === 'gradient');
  const given = steps.at(-1)?.output ?? inputs;
  const outputs = graph.output(activate(graph, head.activation, given), [batch, network.outputs]);
  if (purpose === 'predict') return { bytes: graph.encode(), loss: undefined, outputs, gradients: [] };

  const targets = graph.input('targets', [batch, network.outputs]);
  const weights = isWeighted ? graph.input(sampleWeightsName, [batch, 1]) : undefined;
  const { sum, gradient } = lossNodes(head.loss, { graph, given, outputs, targets, weights, width: network.outputs });
  graph.output(sum, []);
  const gradients = purpose === 'gradient' ? backward(graph, steps, gradient(), network) : [];
  return { bytes: graph.encode(), loss: sum, outputs, gradients };
}

/** A graph that gives the parameters as it gets them: the way of weights to a device. */
export function weightsGraph({ layout }: Network): Uint8Array {
  const graph = new GraphBuilder();
  for (const { name, shape } of layout.parameters) {
    graph.input(name, shape);
    graph.output(graph.node('Identity', [name], {}, heldName(name)), shape);
  }
  return graph.encode();
}

/** Name of a parameter that stays on the device, among the outputs of `weightsGraph`. */
export function heldName(parameter: string): string {
  return `held ${parameter}`;
}

function forward(graph: GraphBuilder, ops: readonly Op[], inputs: string, dropout: boolean): Step[] {
  const steps: Step[] = [];
  let value = inputs;
  for (const op of ops) {
    if (op.kind === 'dropout' && !dropout) continue;
    const input = value;
    value = op.kind === 'dense' ? dense(graph, op, input) : graph.node('Mul', [input, graph.input(maskName(op.index), [batch, op.units])]);
    steps.push({ op, input, output: value });
  }
  return steps;
}

function dense(graph: GraphBuilder, op: DenseOp, input: string): string {
  return activate(graph, op.activation, graph.product(input, op.kernel.name, { row: op.bias?.name }));
}

/** Adds the backward pass as far as the first parameter: nobody needs the gradient by the inputs. */
function backward(graph: GraphBuilder, steps: readonly Step[], outputGradient: string, network: Network): string[] {
  const gradients = new Map<string, string>();
  const first = network.layout.parameters[0];
  let byOutput = outputGradient;
  for (const { op, input, output } of steps.toReversed()) {
    if (op.kind === 'dropout') {
      byOutput = graph.node('Mul', [byOutput, maskName(op.index)]);
      continue;
    }
    const byPreactivation = activationGradient(graph, op.activation, output, byOutput);
    gradients.set(op.kernel.name, graph.product(input, byPreactivation, { transA: 1 }));
    if (op.bias) gradients.set(op.bias.name, graph.node('ReduceSum', [byPreactivation, graph.axes(0)], { keepdims: 0 }));
    if (op.kernel === first) break;
    byOutput = graph.product(byPreactivation, op.kernel.name, { transB: 1 });
  }
  return network.layout.parameters.map(({ name, shape }) => graph.output(gradients.get(name) ?? '', shape));
}
