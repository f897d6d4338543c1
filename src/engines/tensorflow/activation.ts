import { type Activation, leakyReluSlope } from '../../shared/model/spec.js';
import type { Ops, Tensor } from './ops.js';

const names = { relu: 'Relu', elu: 'Elu', sigmoid: 'Sigmoid', tanh: 'Tanh', softmax: 'Softmax' } as const;

/** Activations of preactivations, [n, width]. */
export function activate(ops: Ops, activation: Activation, z: Tensor): Tensor {
  switch (activation) {
    case 'linear':
      return z;
    case 'leakyRelu':
      return ops.applyWithSlope('LeakyRelu', leakyReluSlope, z);
    default:
      return ops.apply(names[activation], z);
  }
}

/**
 * The loss's gradient by the preactivations, from its gradient d by the activations a; all from the activations, whose
 * signs are the preactivations'.
 */
export function activationGradient(ops: Ops, activation: Activation, a: Tensor, d: Tensor): Tensor {
  switch (activation) {
    case 'linear':
      return d;
    case 'relu':
      return ops.apply('ReluGrad', d, a);
    case 'leakyRelu':
      return ops.applyWithSlope('LeakyReluGrad', leakyReluSlope, d, a);
    case 'elu':
      return ops.apply('EluGrad', d, a);
    case 'sigmoid':
      return ops.apply('SigmoidGrad', a, d);
    case 'tanh':
      return ops.apply('TanhGrad', a, d);
    case 'softmax': {
      const means = ops.rowSums(ops.apply('Mul', a, d), 'kept');
      return ops.apply('Mul', a, ops.apply('Sub', d, means));
    }
  }
}
