import type { GraphBuilder } from '../../shared/onnx/graphBuilder.js';
import { type HeadLoss, probabilityRange } from '../outputHead.js';

/** What a loss is made from. */
interface LossInputs {
  readonly graph: GraphBuilder;
  /** What the head's ops give, [n, width]: outputs, or logits where the loss is from logits. */
  readonly given: string;
  /** The network's outputs, [n, width]. */
  readonly outputs: string;
  /** [n, width] */
  readonly targets: string;
  /** Of the samples, [n, 1]. */
  readonly weights: string | undefined;
  readonly width: number;
}

/** Tensors of a loss. */
export interface LossNodes {
  /** The sum over the samples: a scalar. */
  readonly sum: string;
  /** Adds the nodes of the loss's gradient by what was given, [n, width]. */
  gradient(): string;
}

/** Adds the nodes of a loss. Formulas: src/engines/reference/loss.ts. */
export function lossNodes(loss: HeadLoss, inputs: LossInputs): LossNodes {
  const { sum, gradient } = plainNodes(loss, inputs);
  const { graph, weights } = inputs;
  return { sum, gradient: () => (weights === undefined ? gradient() : graph.node('Mul', [gradient(), weights])) };
}

/** Their sum is weighted, their gradient is not yet. */
function plainNodes(loss: HeadLoss, inputs: LossInputs): LossNodes {
  switch (loss) {
    case 'softmaxCrossentropy':
      return softmaxCrossentropy(inputs);
    case 'sigmoidCrossentropy':
      return sigmoidCrossentropy(inputs);
    case 'categoricalCrossentropy':
      return categoricalCrossentropy(inputs);
    case 'sparseCategoricalCrossentropy':
      return sparseCategoricalCrossentropy(inputs);
    case 'binaryCrossentropy':
      return binaryCrossentropy(inputs);
    case 'meanSquaredError':
    case 'meanAbsoluteError':
      return meanError(inputs, loss === 'meanSquaredError');
  }
}

function softmaxCrossentropy({ graph, given, outputs, targets, weights }: LossInputs): LossNodes {
  const logProbabilities = graph.node('LogSoftmax', [given]);
  return {
    sum: graph.node('Neg', [total(graph, graph.node('Mul', [targets, logProbabilities]), weights)]),
    gradient: () => graph.node('Sub', [graph.node('Mul', [outputs, rowSums(graph, targets)]), targets]),
  };
}

/** max(z, 0) - z t + log(1 + e^-|z|), the form of tf.nn.sigmoid_cross_entropy_with_logits. */
function sigmoidCrossentropy({ graph, given, outputs, targets, weights, width }: LossInputs): LossNodes {
  const linear = graph.node('Sub', [graph.node('Relu', [given]), graph.node('Mul', [given, targets])]);
  const rest = graph.node('Softplus', [graph.node('Neg', [graph.node('Abs', [given])])]);
  return {
    sum: scale(graph, total(graph, graph.node('Add', [linear, rest]), weights), 1 / width),
    gradient: () => scale(graph, graph.node('Sub', [outputs, targets]), 1 / width),
  };
}

function categoricalCrossentropy({ graph, outputs, targets, weights }: LossInputs): LossNodes {
  const sums = rowSums(graph, outputs);
  const p = graph.node('Div', [outputs, sums]);
  const clipped = clip(graph, p);
  return {
    sum: graph.node('Neg', [total(graph, graph.node('Mul', [targets, graph.node('Log', [clipped])]), weights)]),
    gradient: () => {
      const byClipped = graph.node('Neg', [graph.node('Div', [targets, clipped])]);
      const byP = whereUnclipped(graph, p, clipped, byClipped);
      const mean = rowSums(graph, graph.node('Mul', [byP, p]));
      return graph.node('Div', [graph.node('Sub', [byP, mean]), sums]);
    },
  };
}

/** Keras takes the logarithms of the clipped outputs for logits, which normalises them. */
function sparseCategoricalCrossentropy({ graph, outputs, targets, weights }: LossInputs): LossNodes {
  const clipped = clip(graph, outputs);
  const sums = rowSums(graph, clipped);
  const mass = rowSums(graph, targets);
  const ofSums = total(graph, graph.node('Mul', [mass, graph.node('Log', [sums])]), weights);
  const ofTargets = total(graph, graph.node('Mul', [targets, graph.node('Log', [clipped])]), weights);
  return {
    sum: graph.node('Sub', [ofSums, ofTargets]),
    gradient: () => {
      const byClipped = graph.node('Sub', [graph.node('Div', [mass, sums]), graph.node('Div', [targets, clipped])]);
      return whereUnclipped(graph, outputs, clipped, byClipped);
    },
  };
}

function binaryCrossentropy({ graph, outputs, targets, weights, width }: LossInputs): LossNodes {
  const one = graph.constant(1);
  const p = clip(graph, outputs);
  const otherP = graph.node('Sub', [one, p]);
  const otherTargets = graph.node('Sub', [one, targets]);
  const logLikelihood = graph.node('Add', [
    graph.node('Mul', [targets, graph.node('Log', [p])]),
    graph.node('Mul', [otherTargets, graph.node('Log', [otherP])]),
  ]);
  return {
    sum: scale(graph, total(graph, logLikelihood, weights), -1 / width),
    gradient: () => {
      const byClipped = graph.node('Sub', [graph.node('Div', [otherTargets, otherP]), graph.node('Div', [targets, p])]);
      return whereUnclipped(graph, outputs, p, scale(graph, byClipped, 1 / width));
    },
  };
}

/** Of squares, or of absolute values. */
function meanError({ graph, outputs, targets, weights, width }: LossInputs, squared: boolean): LossNodes {
  const difference = graph.node('Sub', [outputs, targets]);
  const errors = (): string => (squared ? graph.node('Mul', [difference, difference]) : graph.node('Abs', [difference]));
  const sum =
    weights === undefined
      ? graph.node(squared ? 'ReduceSumSquare' : 'ReduceL1', [difference], { keepdims: 0 })
      : total(graph, errors(), weights);
  return {
    sum: scale(graph, sum, 1 / width),
    gradient: () => (squared ? scale(graph, difference, 2 / width) : scale(graph, graph.node('Sign', [difference]), 1 / width)),
  };
}

function clip(graph: GraphBuilder, p: string): string {
  return graph.node('Clip', [p, graph.constant(probabilityRange.low), graph.constant(probabilityRange.high)]);
}

/** The gradient through a clip: zero where the clip changed something. */
function whereUnclipped(graph: GraphBuilder, value: string, clipped: string, gradient: string): string {
  return graph.node('Where', [graph.node('Equal', [value, clipped]), gradient, graph.constant(0)]);
}

/** The sum of all values, each row times its weight: a scalar. */
function total(graph: GraphBuilder, values: string, weights: string | undefined): string {
  const weighted = weights === undefined ? values : graph.node('Mul', [values, weights]);
  return graph.node('ReduceSum', [weighted], { keepdims: 0 });
}

/** [n, width] to [n, 1] */
function rowSums(graph: GraphBuilder, values: string): string {
  return graph.node('ReduceSum', [values, graph.axes(1)], { keepdims: 1 });
}

function scale(graph: GraphBuilder, values: string, factor: number): string {
  return factor === 1 ? values : graph.node('Mul', [values, graph.constant(factor)]);
}
