import type { HeadLoss } from '../outputHead.js';
import { lossOfFloats } from '../reference/loss.js';
import type { Ops, Tensor } from './ops.js';

/** What a loss is made from, all [count, width]. */
export interface LossInputs {
  readonly ops: Ops;
  /** What the head's ops give: outputs, or logits where the loss is from logits. */
  readonly given: Tensor;
  readonly outputs: Tensor;
  readonly targets: Tensor;
  /** The targets' values. */
  readonly wanted: Float32Array;
  /** [n], of the samples. */
  readonly weights: Float32Array | undefined;
  readonly count: number;
  readonly width: number;
}

export interface LossTensors {
  /** The sum of the samples' losses. */
  readonly sum: number;
  /** The loss's gradient by what was given, [count, width]. */
  gradient(): Tensor;
}

/** A loss and its gradient. Formulas: src/engines/reference/loss.ts. */
export function lossTensors(loss: HeadLoss, inputs: LossInputs): LossTensors {
  switch (loss) {
    case 'softmaxCrossentropy':
      return weighted(inputs, softmaxCrossentropy(inputs));
    case 'sigmoidCrossentropy':
      return weighted(inputs, sigmoidCrossentropy(inputs));
    case 'meanSquaredError':
      return weighted(inputs, meanSquaredError(inputs));
    case 'meanAbsoluteError':
      return weighted(inputs, meanAbsoluteError(inputs));
    default:
      return plainLoss(loss, inputs);
  }
}

/** The loss of each sample, [n], times `scale`, and their gradient by what was given. */
interface SampleLosses {
  readonly losses: Tensor;
  readonly scale: number;
  gradient(): Tensor;
}

function weighted({ ops, weights, count }: LossInputs, { losses, scale, gradient }: SampleLosses): LossTensors {
  const sum = scale * total(ops.read(losses), weights);
  if (!weights) return { sum, gradient };
  return { sum, gradient: () => ops.apply('Mul', gradient(), ops.upload(weights.subarray(0, count), [count, 1])) };
}

/** The op takes it that a sample's targets add up to 1. */
function softmaxCrossentropy({ ops, given, outputs, targets, wanted, count, width }: LossInputs): SampleLosses {
  const [losses, gradient] = ops.softmaxCrossentropy(given, targets);
  return {
    losses,
    scale: 1,
    gradient() {
      if (addUpToOne(wanted, count, width)) return gradient;
      return ops.apply('Sub', ops.apply('Mul', outputs, ops.rowSums(targets, 'kept')), targets);
    },
  };
}

function addUpToOne(values: Float32Array, count: number, width: number): boolean {
  for (let start = 0; start < count * width; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i++) sum += values[i] ?? 0;
    if (sum !== 1) return false;
  }
  return true;
}

/** max(z, 0) - z t + log(1 + e^-|z|), the form of tf.nn.sigmoid_cross_entropy_with_logits. */
function sigmoidCrossentropy({ ops, given, outputs, targets, width }: LossInputs): SampleLosses {
  const linear = ops.apply('Sub', ops.apply('Relu', given), ops.apply('Mul', given, targets));
  const rest = ops.apply('Softplus', ops.apply('Neg', ops.apply('Abs', given)));
  const losses = ops.rowSums(ops.apply('AddV2', linear, rest), 'dropped');
  return { losses, scale: 1 / width, gradient: () => scaled(ops, ops.apply('Sub', outputs, targets), 1 / width) };
}

function meanSquaredError({ ops, outputs, targets, width }: LossInputs): SampleLosses {
  const difference = ops.apply('Sub', outputs, targets);
  const losses = ops.rowSums(ops.apply('Square', difference), 'dropped');
  return { losses, scale: 1 / width, gradient: () => scaled(ops, difference, 2 / width) };
}

function meanAbsoluteError({ ops, outputs, targets, width }: LossInputs): SampleLosses {
  const difference = ops.apply('Sub', outputs, targets);
  const losses = ops.rowSums(ops.apply('Abs', difference), 'dropped');
  return { losses, scale: 1 / width, gradient: () => scaled(ops, ops.apply('Sign', difference), 1 / width) };
}

/** The rarer ones, by their definitions: cross entropies of outputs that are not a last softmax's or sigmoid's. */
function plainLoss(loss: HeadLoss, { ops, outputs, wanted, weights, count, width }: LossInputs): LossTensors {
  const { sum, gradient } = lossOfFloats(loss, ops.read(outputs), wanted, count, width, weights);
  return { sum, gradient: () => ops.upload(Float32Array.from(gradient), [count, width]) };
}

function scaled(ops: Ops, values: Tensor, factor: number): Tensor {
  return factor === 1 ? values : ops.apply('Mul', values, ops.constant(factor));
}

/** In float64, and so the same however many there are. */
function total(losses: Float32Array, weights: Float32Array | undefined): number {
  return losses.reduce((sum, loss, i) => sum + loss * (weights?.[i] ?? 1), 0);
}
