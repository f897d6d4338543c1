import type { Metric } from '../shared/model/spec.js';

/** The value of a metric for one sample: `width` values of outputs and of targets, both from position `start`. */
type SampleMetric = (outputs: ArrayLike<number>, targets: ArrayLike<number>, start: number, width: number) => number;

const sampleMetrics: Readonly<Record<Metric, SampleMetric>> = {
  accuracy: (outputs, targets, start, width) =>
    width === 1 ? binaryMatch(outputs, targets, start) : argmaxMatch(outputs, targets, start, width),
  mae: (outputs, targets, start, width) => meanOver(outputs, targets, start, width, Math.abs),
  mse: (outputs, targets, start, width) => meanOver(outputs, targets, start, width, (difference) => difference * difference),
};

/**
 * Sums of metrics over the first `count` samples, one a metric.
 * Accuracy is the kind Keras 3 chooses for the name `accuracy`: binary for one output, categorical for more.
 * @param outputs [n, width], row-major
 * @param targets [n, width], row-major: one-hot rows for classes
 */
export function metricSums(
  metrics: readonly Metric[],
  outputs: ArrayLike<number>,
  targets: ArrayLike<number>,
  count: number,
  width: number,
): number[] {
  return metrics.map((metric) => {
    const ofSample = sampleMetrics[metric];
    let sum = 0;
    for (let sample = 0; sample < count; sample++) sum += ofSample(outputs, targets, sample * width, width);
    return sum;
  });
}

/** Keras's BinaryAccuracy, with its threshold of 0.5. */
function binaryMatch(outputs: ArrayLike<number>, targets: ArrayLike<number>, at: number): number {
  const predicted = (outputs[at] ?? 0) > 0.5 ? 1 : 0;
  return predicted === targets[at] ? 1 : 0;
}

/** Keras's CategoricalAccuracy. */
function argmaxMatch(outputs: ArrayLike<number>, targets: ArrayLike<number>, start: number, width: number): number {
  return argmax(outputs, start, width) === argmax(targets, start, width) ? 1 : 0;
}

/** Position of the largest of `width` values, the first one where several are equal. */
function argmax(values: ArrayLike<number>, start: number, width: number): number {
  let best = 0;
  for (let k = 1; k < width; k++) {
    if ((values[start + k] ?? 0) > (values[start + best] ?? 0)) best = k;
  }
  return best;
}

function meanOver(
  outputs: ArrayLike<number>,
  targets: ArrayLike<number>,
  start: number,
  width: number,
  penalty: (difference: number) => number,
): number {
  let sum = 0;
  for (let k = start; k < start + width; k++) sum += penalty((outputs[k] ?? 0) - (targets[k] ?? 0));
  return sum / width;
}
