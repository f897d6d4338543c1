import { type Activation, leakyReluSlope } from '../../shared/model/spec.js';
import type { GraphBuilder } from '../../shared/onnx/graphBuilder.js';

/**
 * Adds the nodes of the loss's gradient by the preactivations.
 * Each slope is written in terms of the activations, so that ONNX Runtime can fuse Gemm and activation and drop z.
 * @param a activations, [n, units]
 * @param gradient the loss's gradient by them, [n, units]
 */
export function activationGradient(graph: GraphBuilder, activation: Activation, a: string, gradient: string): string {
  const one = graph.constant(1);
  switch (activation) {
    case 'linear':
      return gradient;
    case 'relu':
      return graph.node('Mul', [gradient, graph.node('Sign', [a])]);
    case 'leakyRelu': {
      const slope = graph.node('Clip', [graph.node('Sign', [a]), graph.constant(leakyReluSlope), one]);
      return graph.node('Mul', [gradient, slope]);
    }
    case 'elu': {
      // Below zero a = e^z - 1, whose slope is a + 1; above zero a + 1 is over one.
      const slope = graph.node('Min', [graph.node('Add', [a, one]), one]);
      return graph.node('Mul', [gradient, slope]);
    }
    case 'sigmoid': {
      const slope = graph.node('Mul', [a, graph.node('Sub', [one, a])]);
      return graph.node('Mul', [gradient, slope]);
    }
    case 'tanh': {
      const slope = graph.node('Sub', [one, graph.node('Mul', [a, a])]);
      return graph.node('Mul', [gradient, slope]);
    }
    case 'softmax': {
      const mean = graph.node('ReduceSum', [graph.node('Mul', [gradient, a]), graph.axes(1)], { keepdims: 1 });
      return graph.node('Mul', [a, graph.node('Sub', [gradient, mean])]);
    }
  }
}
