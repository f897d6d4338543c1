import { type HeadLoss, probabilityRange } from '../outputHead.js';
import { sigmoid, softmaxRow } from './activation.js';

/** Loss of one sample, of [width] outputs (or logits) and targets; writes its gradient by the outputs to `gradient`. */
type SampleLoss = (outputs: Float64Array, targets: Float64Array, gradient: Float64Array) => number;

/** As in keras/src/backend/tensorflow/nn.py and keras/src/losses/losses.py, Keras 3. */
const sampleLosses: Readonly<Record<HeadLoss, SampleLoss>> = {
  softmaxCrossentropy: (logits, targets, gradient) => {
    const logSumExp = softmaxRow(logits, gradient);
    const weight = sum(targets);
    let loss = 0;
    for (const [k, t] of targets.entries()) {
      if (t !== 0) loss += t * (logSumExp - (logits[k] ?? 0));
      gradient[k] = (gradient[k] ?? 0) * weight - t;
    }
    return loss;
  },

  sigmoidCrossentropy: (logits, targets, gradient) => {
    let loss = 0;
    for (const [k, z] of logits.entries()) {
      const t = targets[k] ?? 0;
      loss += Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)));
      gradient[k] = (sigmoid(z) - t) / logits.length;
    }
    return loss / logits.length;
  },

  categoricalCrossentropy: (outputs, targets, gradient) => {
    const total = sum(outputs);
    const p = outputs.map((output) => output / total);
    let loss = 0;
    let mean = 0;
    for (const [k, t] of targets.entries()) {
      loss -= t * Math.log(clip(p[k] ?? 0));
      gradient[k] = isClipped(p[k] ?? 0) ? 0 : -t / (p[k] ?? 0);
      mean += (gradient[k] ?? 0) * (p[k] ?? 0);
    }
    for (const [k, byP] of gradient.entries()) gradient[k] = (byP - mean) / total;
    return loss;
  },

  sparseCategoricalCrossentropy: (outputs, targets, gradient) => {
    const clipped = outputs.map(clip);
    const total = sum(clipped);
    const weight = sum(targets);
    let loss = weight * Math.log(total);
    for (const [k, t] of targets.entries()) {
      const c = clipped[k] ?? 0;
      loss -= t * Math.log(c);
      gradient[k] = isClipped(outputs[k] ?? 0) ? 0 : weight / total - t / c;
    }
    return loss;
  },

  binaryCrossentropy: (outputs, targets, gradient) => {
    let loss = 0;
    for (const [k, output] of outputs.entries()) {
      const t = targets[k] ?? 0;
      const c = clip(output);
      loss -= t * Math.log(c) + (1 - t) * Math.log(1 - c);
      gradient[k] = isClipped(output) ? 0 : ((1 - t) / (1 - c) - t / c) / outputs.length;
    }
    return loss / outputs.length;
  },

  meanSquaredError: (outputs, targets, gradient) => {
    let loss = 0;
    for (const [k, output] of outputs.entries()) {
      const difference = output - (targets[k] ?? 0);
      loss += difference * difference;
      gradient[k] = (2 * difference) / outputs.length;
    }
    return loss / outputs.length;
  },

  meanAbsoluteError: (outputs, targets, gradient) => {
    let loss = 0;
    for (const [k, output] of outputs.entries()) {
      const difference = output - (targets[k] ?? 0);
      loss += Math.abs(difference);
      gradient[k] = Math.sign(difference) / outputs.length;
    }
    return loss / outputs.length;
  },
};

/**
 * Sum of the samples' losses, and its gradient by the outputs.
 * @param outputs [n, width]; logits where the loss is from logits
 * @param targets [n, width]
 * @param weights [n], of the samples
 */
export function lossOf(
  loss: HeadLoss,
  outputs: Float64Array,
  targets: Float64Array,
  width: number,
  weights?: Float32Array,
): { sum: number; gradient: Float64Array } {
  const ofSample = sampleLosses[loss];
  const gradient = new Float64Array(outputs.length);
  let total = 0;
  for (let start = 0; start < outputs.length; start += width) {
    const end = start + width;
    const byOutputs = gradient.subarray(start, end);
    const value = ofSample(outputs.subarray(start, end), targets.subarray(start, end), byOutputs);
    const weight = weights?.[start / width] ?? 1;
    total += weight * value;
    if (weight !== 1) for (const [k, by] of byOutputs.entries()) byOutputs[k] = weight * by;
  }
  return { sum: total, gradient };
}

/** The same of float32 arrays that may be longer, for an engine that has no faster way to a rare loss. */
export function lossOfFloats(
  loss: HeadLoss,
  outputs: Float32Array,
  targets: Float32Array,
  count: number,
  width: number,
  weights?: Float32Array,
): ReturnType<typeof lossOf> {
  const samples = (values: Float32Array): Float64Array => Float64Array.from(values.subarray(0, count * width));
  return lossOf(loss, samples(outputs), samples(targets), width, weights);
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0);
}

function clip(p: number): number {
  return Math.min(Math.max(p, probabilityRange.low), probabilityRange.high);
}

/** Is the gradient of the clip zero here? */
function isClipped(p: number): boolean {
  return p < probabilityRange.low || p > probabilityRange.high;
}
