import { type Activation, leakyReluSlope } from '../model/spec.js';
import type { GraphBuilder } from './graphBuilder.js';

/** Adds the nodes of an activation of z, [n, units]. */
export function activate(graph: GraphBuilder, activation: Activation, z: string): string {
  switch (activation) {
    case 'linear':
      return z;
    case 'relu':
      return graph.node('Relu', [z]);
    case 'leakyRelu':
      return graph.node('LeakyRelu', [z], { alpha: { float: leakyReluSlope } });
    case 'elu':
      return graph.node('Elu', [z]);
    case 'sigmoid':
      return graph.node('Sigmoid', [z]);
    case 'tanh':
      return graph.node('Tanh', [z]);
    case 'softmax':
      return graph.node('Softmax', [z]);
  }
}
