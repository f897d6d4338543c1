import type { Network, Op } from '../shared/model/network.js';
import type { Loss } from '../shared/model/spec.js';

/** A loss as it is computed: from the network's outputs as they are, or from the logits of a last softmax or sigmoid. */
export type HeadLoss = Loss | 'softmaxCrossentropy' | 'sigmoidCrossentropy';

/** Where a network ends and its loss begins. */
export interface OutputHead {
  /** The network's ops; where the head works on logits, the last one without its activation. */
  readonly ops: readonly Op[];
  /** What makes the network's outputs of what the ops give; `linear` where the head does not work on logits. */
  readonly activation: 'linear' | 'softmax' | 'sigmoid';
  readonly loss: HeadLoss;
}

/**
 * Keras 3 computes a cross entropy from logits, which is stable, where the last layer's activation is the one the loss
 * undoes: keras/src/backend/tensorflow/nn.py, `_get_logits`. A dropout behind that layer hides the logits.
 */
export function outputHead(network: Network, loss: Loss): OutputHead {
  const last = network.ops.at(-1);
  const fused = last?.kind === 'dense' ? fusedLoss(last.activation, loss) : undefined;
  if (last?.kind !== 'dense' || !fused) return { ops: network.ops, activation: 'linear', loss };
  return { ops: [...network.ops.slice(0, -1), { ...last, activation: 'linear' }], ...fused };
}

function fusedLoss(activation: string, loss: Loss): Pick<OutputHead, 'activation' | 'loss'> | undefined {
  const ofClasses = loss === 'categoricalCrossentropy' || loss === 'sparseCategoricalCrossentropy';
  if (activation === 'softmax' && ofClasses) return { activation, loss: 'softmaxCrossentropy' };
  if (activation === 'sigmoid' && loss === 'binaryCrossentropy') return { activation, loss: 'sigmoidCrossentropy' };
  return undefined;
}

/** Probabilities are clipped to this range where they are not computed from logits: Keras's epsilon, in float32 as there. */
export const probabilityRange = { low: Math.fround(1e-7), high: Math.fround(1 - 1e-7) } as const;
